"""What can be composed: frameworks, modes, providers, and the prompts that may be replaced."""

from cadence.engine.modes import Framework, Mode, SupervisorNode
from cadence.engine.prompts import DEFAULT_PROMPTS, MEANINGS
from cadence.engine.providers import PROVIDERS
from cadence.engine.registry import MODES
from cadence.engine.spec import Provider
from cadence.http.bodies import Output


class FrameworkRead(Output):
    """One agent backend."""

    framework_type: Framework
    modes: list[Mode]
    providers: list[Provider]


class PlaceholderRead(Output):
    """A slot that an override of the prompt must keep."""

    name: str
    meaning: str


class PromptRead(Output):
    """One node's default prompt."""

    node: SupervisorNode
    prompt: str
    placeholders: list[PlaceholderRead]


def frameworks() -> list[FrameworkRead]:
    """Return every backend that can be built with today."""
    return [
        FrameworkRead(
            framework_type=framework,
            modes=sorted(modes),
            providers=[
                provider
                for provider, description in PROVIDERS.items()
                if framework in description.frameworks
            ],
        )
        for framework, modes in MODES.items()
    ]


def prompts() -> list[PromptRead]:
    """Return every node's default prompt."""
    return [
        PromptRead(
            node=node,
            prompt=prompt.text,
            placeholders=[
                PlaceholderRead(name=name, meaning=MEANINGS[name]) for name in prompt.placeholders
            ],
        )
        for node, prompt in DEFAULT_PROMPTS.items()
    ]
