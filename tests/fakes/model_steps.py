"""The steps a scripted model can take when all goes well, and what every step is."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tests.fakes.model_plan import Finish, Plan, PlannedCall, Reply, Tokens
from tests.fakes.model_request import ModelRequest

DEFAULT_TOKENS = Tokens()

NamedCall = tuple[str, Mapping[str, object]]


class ScriptMistake(Exception):
    """A step that cannot answer the request it met."""


class Step(Protocol):
    """Anything that says how one request is to be answered."""

    def plan(self, request: ModelRequest) -> Plan:
        """Return what to put on the wire; raises `ScriptMistake` when that makes no sense."""
        ...


class Answer(Protocol):
    """A step that, left alone, gives a whole answer; faults can cut it short."""

    def plan(self, request: ModelRequest) -> Reply:
        """Return the whole answer."""
        ...


def words_of(text: str) -> tuple[str, ...]:
    """Split a text into the pieces it is streamed in; joined they are the text again."""
    return tuple(re.findall(r"\S+\s*|\s+", text))


def planned(calls: tuple[NamedCall, ...], request: ModelRequest) -> tuple[PlannedCall, ...]:
    """Write the arguments of each call as JSON.

    Raises `ScriptMistake` for a tool that the request does not offer: a model that does so is
    what `UnknownTool` is for.
    """
    strangers = [name for name, _ in calls if name not in request.tool_names]
    if strangers:
        raise ScriptMistake(f"tools {strangers} are not offered, only {request.tool_names}")
    return tuple(PlannedCall(name, json.dumps(arguments)) for name, arguments in calls)


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with this text, word by word when streaming; `delay_per_word` is in seconds.

    Without streaming the whole answer waits for as long as the words would have taken.
    """

    text: str
    delay_per_word: float = 0
    finish: Finish = Finish.STOP
    tokens: Tokens = DEFAULT_TOKENS

    def plan(self, request: ModelRequest) -> Reply:
        """Return the text."""
        return Reply(
            words=words_of(self.text),
            pause=self.delay_per_word,
            finish=self.finish,
            tokens=self.tokens,
        )


@dataclass(frozen=True, slots=True, init=False)
class Call:
    """Call tools: `Call(("add", {"a": 1}), ("now", {}))` calls two at once."""

    calls: tuple[NamedCall, ...]
    tokens: Tokens

    def __init__(self, *calls: NamedCall, tokens: Tokens = DEFAULT_TOKENS) -> None:
        object.__setattr__(self, "calls", calls)
        object.__setattr__(self, "tokens", tokens)

    def plan(self, request: ModelRequest) -> Reply:
        """Return the calls, without a word."""
        return Reply(calls=planned(self.calls, request), tokens=self.tokens)


@dataclass(frozen=True, slots=True, init=False)
class SayThenCall:
    """Say something and call tools in the same answer."""

    text: str
    calls: tuple[NamedCall, ...]
    tokens: Tokens

    def __init__(self, text: str, *calls: NamedCall, tokens: Tokens = DEFAULT_TOKENS) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "calls", calls)
        object.__setattr__(self, "tokens", tokens)

    def plan(self, request: ModelRequest) -> Reply:
        """Return the text and the calls."""
        return Reply(
            words=words_of(self.text), calls=planned(self.calls, request), tokens=self.tokens
        )
