"""Whether what an organization says of a provider can work; decided without any I/O."""

from dataclasses import dataclass

from cadence.domains.llm_configs.drafts import Draft
from cadence.engine.providers import PROVIDERS, ProviderDescription, option_problems
from cadence.engine.spec import Provider
from cadence.infra.egress.rules import EgressRules
from cadence.infra.egress.urls import check_url
from cadence.kernel.errors import FieldProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What this server allows: where calls may go, and where it serves the offline model.

    `offline_base_url` is None when it does not serve it.
    """

    egress_rules: EgressRules
    offline_base_url: str | None


def default_model(description: ProviderDescription) -> str | None:
    """Return the model to use when none is named: the first of the suggestions.

    None where every organization has an address of its own, and so models of its own.
    """
    return None if description.requires_base_url else description.example_models[0]


def problems_of_new(draft: Draft, around: Surroundings) -> list[FieldProblem]:
    """Return why this LLM config may not be created."""
    return [
        *_provider_problems(draft, around),
        *_missing(draft),
        *option_problems(draft.provider, draft.options),
        *_address_problems(draft, around),
    ]


def problems_of_change(
    before: Draft, after: Draft, around: Surroundings, *, key_is_given: bool
) -> list[FieldProblem]:
    """Return why this LLM config may not become that one."""
    is_moved = before.base_url != after.base_url
    # An address that stays is not judged again: the operator's rules may have become stricter, and
    # a new name must still be possible. Connecting asks the rules in any case.
    moving = _address_problems(after, around) if is_moved else []
    # Whoever may change an LLM config may not read its key, nor have it sent to another host.
    if is_moved and before.has_key and not key_is_given:
        moving.append(FieldProblem("api_key", "must be given again when base_url changes"))
    return [*_missing(after), *option_problems(after.provider, after.options), *moving]


def _provider_problems(draft: Draft, around: Surroundings) -> list[FieldProblem]:
    needs_us = draft.provider is Provider.OFFLINE and draft.base_url is None
    if needs_us and around.offline_base_url is None:
        return [FieldProblem("provider", "is not enabled on this server")]
    return []


def _missing(draft: Draft) -> list[FieldProblem]:
    description = PROVIDERS[draft.provider]
    checks = {
        "api_key": description.requires_api_key and not draft.has_key,
        "base_url": description.requires_base_url and draft.base_url is None,
        "model_name": default_model(description) is None and draft.model_name is None,
    }
    return [
        FieldProblem(path, "is required by this provider")
        for path, is_missing in checks.items()
        if is_missing
    ]


def _address_problems(draft: Draft, around: Surroundings) -> list[FieldProblem]:
    if draft.base_url is None:
        return []
    problem = check_url(draft.base_url, around.egress_rules)
    return [] if problem is None else [FieldProblem("base_url", problem)]
