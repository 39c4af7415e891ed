"""Reads a request's messages as one turn: what is asked, what was done since, what came before."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cadence.offline_model.candidates import TRANSFER, TRANSFER_BY_NAME, is_control
from cadence.offline_model.framing import (
    Quoted,
    is_context,
    own_words,
    read_context,
    split_results,
)
from cadence.offline_model.request import JsonObject, Message, Request, Role, ToolCall
from cadence.offline_model.results import Result, read_result

# What frameworks answer to a transfer after which another agent holds the turn.
_HANDED_OVER = re.compile(
    r"has the conversation now|^\W*(?:transferr|handed over|handing)|^\W*(?:ok|done)?\W*$",
    re.IGNORECASE,
)
LONGEST_MESSAGE = 6000
"""How many characters of a message the rules look at, which keeps every rule fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One call of this turn; `result` is None while it is unanswered.

    `told` says that an assistant text came after it, which may have spoken of its result.
    """

    call: ToolCall
    result: Result | None = None
    told: bool = False

    @property
    def is_report(self) -> bool:
        """Whether a transfer came back with what the agent has found."""
        if self.result is None or not self.call.name.startswith(TRANSFER):
            return False
        told = self.result.value
        is_text = isinstance(told, str) and self.result.error is None
        return is_text and _HANDED_OVER.search(str(told)) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A text of the conversation before this turn."""

    by_user: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The turn to decide on; its texts are cut to `LONGEST_MESSAGE`.

    `done` are the calls since the user's last words, control calls included; `said` are assistant
    texts since then. `heard_from` are the agents that already acted in this turn.
    """

    asked: str
    done: tuple[Done, ...] = ()
    said: tuple[str, ...] = ()
    heard_from: frozenset[str] = frozenset()
    earlier: tuple[Said, ...] = ()

    @property
    def work(self) -> tuple[Done, ...]:
        """The answered calls that did work, and the transfers that came back with a report."""
        return tuple(
            one
            for one in self.done
            if one.result is not None and (one.is_report or not is_control(one.call.name))
        )


def read_turn(request: Request) -> Turn:
    """Read the messages; asked is the last user message that is not a framework's account."""
    messages = request.messages
    place = _last_asked(messages)
    asked, listed = split_results(own_words(messages[place].text)) if place >= 0 else ("", ())
    for text in request.system:
        listed += split_results(text)[1]
    log = _Log()
    for name, result in listed:
        log.listed(name, result)
    for message in messages[place + 1 :]:
        log.add(message)
    return Turn(
        asked=_tidy(asked),
        done=tuple(log.done),
        said=tuple(log.said),
        heard_from=frozenset(log.heard_from),
        earlier=tuple(_earlier(messages[: max(place, 0)])),
    )


def _tidy(text: str) -> str:
    """Return the text with single spaces and line breaks, as much of it as the rules look at."""
    lines = (" ".join(line.split()) for line in text[: LONGEST_MESSAGE * 2].splitlines())
    return "\n".join(line for line in lines if line)[:LONGEST_MESSAGE]


def _last_asked(messages: Sequence[Message]) -> int:
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if message.role is Role.USER and not is_context(message.text):
            return place
    return -1


def _earlier(messages: Iterable[Message]) -> Iterable[Said]:
    for message in messages:
        text = own_words(message.text) if message.role is Role.USER else message.text.strip()
        if text and message.role is not Role.TOOL and not is_context(text):
            yield Said(by_user=message.role is Role.USER, text=text[:LONGEST_MESSAGE])


class _Log:
    """Collects what happened since the user spoke."""

    def __init__(self) -> None:
        self.done: list[Done] = []
        self.said: list[str] = []
        self.heard_from: set[str] = set()

    def add(self, message: Message) -> None:
        """Take in one message."""
        if message.role is Role.TOOL:
            self._answered(message.call_id, message.tool_name, message.text)
            return
        if message.role is Role.USER:
            for quoted in read_context(message.text):
                self._quoted(quoted)
            return
        if message.text.strip():
            self._spoken(message.text.strip())
        self.done += [Done(call=call) for call in message.calls]
        self.heard_from.update(_target(call) for call in message.calls if _target(call))

    def listed(self, name: str, result: str) -> None:
        """Take in a result that stands in a prompt, whose call is not known."""
        call = ToolCall(name=name, arguments={})
        self.done.append(Done(call=call, result=read_result(result)))

    def _spoken(self, text: str) -> None:
        self.said.append(text)
        self.done = [
            Done(call=one.call, result=one.result, told=one.result is not None or one.told)
            for one in self.done
        ]

    def _quoted(self, quoted: Quoted) -> None:
        self.heard_from.add(quoted.agent)
        if quoted.said:
            self._spoken(quoted.said)
        elif quoted.call is not None:
            self.done.append(Done(call=quoted.call))
        elif quoted.result is not None:
            self._answered("", *quoted.result)

    def _answered(self, call_id: str, name: str, text: str) -> None:
        """Give the result to its call: by id, else to the first open call of that name."""
        for place, one in enumerate(self.done):
            same = one.call.id == call_id if call_id and one.call.id else one.call.name == name
            if one.result is None and same:
                self.done[place] = Done(call=one.call, result=read_result(text), told=one.told)
                return
        if name and not is_control(name):
            self.listed(name, text)


def _target(call: ToolCall) -> str:
    """Return the agent a call hands over to, or nothing."""
    if call.name == TRANSFER_BY_NAME:
        named: JsonValue = next(iter(_texts(call.arguments)), "")
        return str(named)
    return call.name.removeprefix(TRANSFER) if call.name.startswith(TRANSFER) else ""


def _texts(arguments: JsonObject) -> list[str]:
    return [value for value in arguments.values() if isinstance(value, str)]
