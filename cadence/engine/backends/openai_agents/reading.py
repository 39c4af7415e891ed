"""Reads one answer of a model as it comes, and checks that it is one."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agents.items import TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputText,
)

from cadence.engine.backends.openai_agents.translate import Items, as_history, requests_of
from cadence.engine.errors import ModelAnswerInvalid
from cadence.engine.limits import ANSWER_CHARACTERS
from cadence.engine.models.calls import Progress
from cadence.engine.tool_calls import ToolRequest

Hear = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: what was said, what calls it asks for, and itself as history."""

    text: str
    requests: tuple[ToolRequest, ...]
    items: Items


async def read_answer(
    stream: Any, asked: Items, *, hear: Hear | None, progress: Progress
) -> Answer:
    """Return the answer to what was `asked`; `hear` is told each piece of its text as it comes.

    `stream` is what `Model.stream_response` gives. Raises `ModelAnswerInvalid`.
    """
    reading = _Reading(progress)
    async with aclosing(stream):
        async for event in stream:
            text = reading.read(event)
            if text and hear is not None:
                await hear(text)
    return _checked(reading.output, asked)


class _Reading:
    """Reads one try's events and writes down how far it has come."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._left = ANSWER_CHARACTERS
        self.output: Sequence[ResponseOutputItem] = ()

    def read(self, event: TResponseStreamEvent) -> str:
        """Return the piece of text that the event brings, if any."""
        match event.type:
            case "response.output_text.delta":
                return self._piece(event.delta)
            case "response.function_call_arguments.delta":
                self._piece(event.delta)
            case "response.output_item.added":
                if isinstance(event.item, ResponseFunctionToolCall):
                    self._progress.has_begun = True
            case "response.in_progress":
                self._count(event.response)
            case "response.completed":
                self._count(event.response)
                self.output = event.response.output
            case _:
                pass
        return ""

    def _piece(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise ModelAnswerInvalid
        if text:
            self._progress.has_begun = True
        return text

    def _count(self, response: Response) -> None:
        if response.usage is not None:
            self._progress.input_tokens = response.usage.input_tokens
            self._progress.output_tokens = response.usage.output_tokens


def _checked(output: Sequence[ResponseOutputItem], asked: Items) -> Answer:
    requests = requests_of(output, asked)
    text = "".join(_text(item) for item in output)
    if not text.strip() and not requests:
        raise ModelAnswerInvalid
    return Answer(text=text, requests=requests, items=as_history(output, requests))


def _text(item: ResponseOutputItem) -> str:
    if not isinstance(item, ResponseOutputMessage):
        return ""
    return "".join(part.text for part in item.content if isinstance(part, ResponseOutputText))
