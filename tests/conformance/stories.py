"""What happens in a turn, told once for all modes: the model's steps and the events they give.

A test says what the orchestrator does ("it calls add, then answers"); the story of its mode knows
which model calls that takes and which agents show up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cadence.engine.modes import Mode
from tests.conformance.outlines import calls, ended, fails, returns, says, started
from tests.conformance.plugins import NAMES
from tests.fakes.model_server import Call, Say, Step


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call and how it ends; `error` is the code it fails with."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def end(self) -> str:
        return returns(self.tool) if self.error is None else fails(self.tool, self.error)


class Story(Protocol):
    """One turn of one mode."""

    steps: list[Step]
    outline: list[str]

    def uses(self, *called: Called, asks: Step | None = None) -> None:
        """Let tools be called one after another, by the model step `asks` if that is special."""
        ...

    def uses_at_once(self, *called: Called, ends: tuple[int, ...]) -> None:
        """Let tools be called at the same time; `ends` numbers them in the order they end."""
        ...

    def answers(self, text: str) -> None:
        """Let the turn end with an answer from what the tools gave."""
        ...

    def answers_from_context(self, text: str) -> None:
        """Let the turn end with an answer that needs no tool."""
        ...

    def asks_back(self, text: str) -> None:
        """Let the turn end with a question to the user."""
        ...

    def explains(self, text: str) -> None:
        """Let the turn end with words about what failed."""
        ...

    def fails_at_once(self, *steps: Step) -> None:
        """Let the first model call of the turn fail."""
        ...

    def fails_while_answering(self, step: Step, said: str) -> None:
        """Let the model break off while it writes the answer, after `said`."""
        ...


class SupervisorStory:
    """A turn in supervisor mode."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.outline: list[str] = []

    def uses(self, *called: Called, asks: Step | None = None) -> None:
        told = [line for each in called for line in (calls(each.tool), each.end)]
        self._round(called, told, asks)

    def uses_at_once(self, *called: Called, ends: tuple[int, ...]) -> None:
        told = [*(calls(each.tool) for each in called), *(called[number].end for number in ends)]
        self._round(called, told, None)

    def answers(self, text: str) -> None:
        self._supervise(Say("DONE"))
        self._leaf("synthesizer", text)

    def answers_from_context(self, text: str) -> None:
        self._supervise(Call(("route_to_conversational", {})))
        self._leaf("conversational", text)

    def asks_back(self, text: str) -> None:
        self._supervise(Call(("route_to_facilitator", {})))
        self._leaf("facilitator", text)

    def explains(self, text: str) -> None:
        self._leaf("error_handler", text)

    def fails_at_once(self, *steps: Step) -> None:
        self.steps += steps
        self.outline += [started("supervisor"), ended("supervisor")]

    def fails_while_answering(self, step: Step, said: str) -> None:
        self._supervise(Call(("route_to_conversational", {})))
        self.steps.append(step)
        said_lines = [says("conversational", said)] if said else []
        self.outline += [started("conversational"), *said_lines, ended("conversational")]

    def _round(self, called: tuple[Called, ...], told: list[str], asks: Step | None) -> None:
        wanted = asks or Call(*((NAMES[each.tool], each.arguments) for each in called))
        self._supervise(wanted)
        self.outline += [started("control_tools"), *told, ended("control_tools")]
        self.outline += [started("validation"), ended("validation")]

    def _supervise(self, step: Step) -> None:
        self.steps.append(step)
        self.outline += [started("supervisor"), ended("supervisor")]

    def _leaf(self, agent: str, text: str) -> None:
        self.steps.append(Say(text))
        self.outline += [started(agent), says(agent, text), ended(agent)]


STORIES: Mapping[Mode, type[Story]] = {Mode.SUPERVISOR: SupervisorStory}
