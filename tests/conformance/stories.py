"""What happens in a turn, told once for all modes: the model's steps and the events they give.

A test says what the orchestrator does ("it calls add, then answers"); the story of its mode knows
which model calls that takes and which agents show up.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from cadence.engine.events import Usage
from tests.conformance.outlines import calls, fails, returns
from tests.conformance.plugins import MATH, NAMES, NOTES
from tests.fakes.model_server import Call, SayThenCall, Step, Tokens


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call and how it ends; `error` is the code it fails with."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def end(self) -> str:
        return returns(self.tool) if self.error is None else fails(self.tool, self.error)

    @property
    def owner(self) -> str | None:
        """The plugin whose tool it is, None for one that there is not."""
        pid = self.tool.rpartition(".")[0]
        return pid if pid in {MATH, NOTES} else None

    @property
    def asked(self) -> tuple[str, Mapping[str, Any]]:
        return NAMES[self.tool], self.arguments


class Story(ABC):
    """One turn of one mode; `first` is the plugin whose agent acts when no other must."""

    def __init__(self, first: str = MATH) -> None:
        self.first = first
        self.steps: list[Step] = []
        self.outline: list[str] = []

    def uses(self, *called: Called, asks: Step | None = None) -> None:
        """Let tools be called one after another, by the model step `asks` if that is special."""
        for owner, group in groupby(called, key=lambda each: each.owner):
            some = tuple(group)
            told = [line for each in some for line in (calls(each.tool), each.end)]
            self.round(owner, asks or Call(*(each.asked for each in some)), told)

    def uses_at_once(self, *called: Called, ends: tuple[int, ...]) -> None:
        """Let tools be called at the same time; `ends` numbers them in the order they end."""
        for owner, some in self.together(called):
            told = [calls(each.tool) for each in some]
            told += [called[number].end for number in ends if called[number] in some]
            self.round(owner, Call(*(each.asked for each in some)), told)

    def uses_with_words(self, words: str, called: Called) -> None:
        """Let a tool be called in the same answer as these words."""
        told = [calls(called.tool), called.end]
        self.round(called.owner, SayThenCall(words, called.asked), told, words=words)

    def asks_for(self, step: Step) -> None:
        """Let the first plugin's tools be called as the step says, whatever comes of it."""
        self.round(self.first, step, [])

    def together(self, called: Sequence[Called]) -> list[tuple[str | None, tuple[Called, ...]]]:
        """Return the calls that one answer can ask for, with the plugin whose they are."""
        owners = dict.fromkeys(each.owner for each in called)
        return [(owner, tuple(each for each in called if each.owner == owner)) for owner in owners]

    @abstractmethod
    def round(self, owner: str | None, step: Step, told: list[str], *, words: str = "") -> None:
        """Let one model step call tools of one plugin, which gives these lines."""

    @abstractmethod
    def answers(self, text: str, *, pause: float = 0) -> None:
        """Let the turn end with an answer from what the tools gave."""

    @abstractmethod
    def answers_from_context(self, text: str) -> None:
        """Let the turn end with an answer that needs no tool."""

    @abstractmethod
    def asks_back(self, text: str) -> None:
        """Let the turn end with a question to the user."""

    @abstractmethod
    def explains(self, text: str) -> None:
        """Let the turn end with words about what failed."""

    @abstractmethod
    def fails_at_once(self, *steps: Step) -> None:
        """Let the first model call of the turn fail."""

    @abstractmethod
    def fails_while_answering(self, step: Step, said: str) -> None:
        """Let the model break off while it writes the answer, after `said`."""

    @abstractmethod
    def fails_beside_tools(self, step: Step) -> None:
        """Let a model call fail that is offered the first plugin's tools."""

    @abstractmethod
    def breaks_off_in(self, *called: Called) -> None:
        """Let the turn be over while tools are running."""

    @abstractmethod
    def spends(self, hops: int, called: Called, asks: Step | None = None) -> int:
        """Let all hops be spent on calling one tool, and return how many calls that makes."""

    @abstractmethod
    def closes(self, text: str) -> None:
        """Let the turn end with an answer that is asked for because the hops are spent."""

    @abstractmethod
    def gives_up(self) -> None:
        """Let the turn fail because the hops are spent on nothing."""


def cost(steps: Sequence[Step]) -> Usage:
    """Return what the steps cost, all of which are answers."""
    tokens = [getattr(step, "tokens", Tokens()) for step in steps]
    return Usage(
        sum(each.input for each in tokens), sum(each.output for each in tokens), len(steps)
    )
