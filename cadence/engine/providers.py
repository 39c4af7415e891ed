"""Who can serve a model: what an organization must say of each, and which frameworks take it.

Imports no framework, so the API can read it at any time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cadence.engine.modes import Framework
from cadence.engine.spec import Provider
from cadence.kernel.errors import FieldProblem

# The oldest generally available version that reports usage while streaming.
AZURE_API_VERSION = "2024-10-21"

_LONGEST_OPTION = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionDescription:
    """One key that `options` of an LLM config may hold; every value is text."""

    name: str
    description: str
    type: Literal["str"] = "str"
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDescription:
    """What people and programs need to know of one provider.

    `default_base_url` is None where every organization has an address of its own, and for the
    offline model, whose address is that of this very service. `example_models` are suggestions; any
    name may be given.
    """

    provider: Provider
    display_name: str
    default_base_url: str | None
    requires_base_url: bool
    requires_api_key: bool
    example_models: tuple[str, ...]
    options: tuple[OptionDescription, ...] = ()
    frameworks: frozenset[Framework] = frozenset(Framework)


def _described(*descriptions: ProviderDescription) -> Mapping[Provider, ProviderDescription]:
    return {description.provider: description for description in descriptions}


PROVIDERS = _described(
    ProviderDescription(
        provider=Provider.OPENAI,
        display_name="OpenAI",
        default_base_url="https://api.openai.com/v1",
        requires_base_url=False,
        requires_api_key=True,
        example_models=("gpt-5.2", "gpt-5-mini", "gpt-4.1", "gpt-4o-mini"),
        options=(
            OptionDescription(name="organization", description="Sent as OpenAI-Organization."),
            OptionDescription(name="project", description="Sent as OpenAI-Project."),
        ),
    ),
    ProviderDescription(
        provider=Provider.ANTHROPIC,
        display_name="Anthropic",
        default_base_url="https://api.anthropic.com",
        requires_base_url=False,
        requires_api_key=True,
        example_models=("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"),
    ),
    ProviderDescription(
        provider=Provider.GOOGLE,
        display_name="Google Gemini",
        default_base_url="https://generativelanguage.googleapis.com",
        requires_base_url=False,
        requires_api_key=True,
        example_models=("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"),
        options=(
            OptionDescription(
                name="api_version", description="Version in the path.", default="v1beta"
            ),
        ),
    ),
    ProviderDescription(
        provider=Provider.AZURE_OPENAI,
        display_name="Azure OpenAI",
        default_base_url=None,
        requires_base_url=True,
        requires_api_key=True,
        example_models=("gpt-4o", "gpt-4.1-mini"),
        options=(
            OptionDescription(
                name="api_version",
                description="Version of the Azure API.",
                default=AZURE_API_VERSION,
            ),
            OptionDescription(
                name="deployment",
                description="Name of the deployment; the model's name when left out.",
            ),
        ),
    ),
    ProviderDescription(
        provider=Provider.OPENAI_COMPATIBLE,
        display_name="OpenAI-compatible server",
        default_base_url=None,
        requires_base_url=True,
        requires_api_key=False,
        example_models=("llama3.3", "qwen3", "mistral-small"),
    ),
    ProviderDescription(
        provider=Provider.OFFLINE,
        display_name="Offline stand-in",
        default_base_url=None,
        requires_base_url=False,
        requires_api_key=False,
        example_models=("offline",),
    ),
)


def option_problems(provider: Provider, options: Mapping[str, str]) -> list[FieldProblem]:
    """Return what is wrong with an LLM config's `options`, each with its path."""
    known = {option.name for option in PROVIDERS[provider].options}
    return [
        FieldProblem(f"options.{name}", problem)
        for name, value in options.items()
        if (problem := _option_problem(name, value, known)) is not None
    ]


def _option_problem(name: str, value: str, known: set[str]) -> str | None:
    if name not in known:
        return f"is not an option of this provider; known are: {', '.join(sorted(known)) or 'none'}"
    # Options end up in headers, paths and queries.
    if not value or len(value) > _LONGEST_OPTION or not (value.isascii() and value.isprintable()):
        return f"must be 1 to {_LONGEST_OPTION} printable ASCII characters"
    return None
