"""Writes a vendor's answer down in the events of OpenAI's Responses, as the Agents SDK reads it."""

import itertools
from collections.abc import Mapping
from typing import Literal

from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionToolCall,
    ResponseInProgressEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from cadence.engine.errors import ModelUnavailable
from cadence.kernel.text import clean

_MESSAGE = "answer"

# Never shown and never sent: the SDK wants every response to have an id and a time.
_ID = "response"
_TIME = 0.0


class Writing:
    """One answer as it grows; each method returns the event that tells of what it added."""

    def __init__(self, model: str) -> None:
        self._numbers = itertools.count()
        self._model = model
        self._text: list[str] = []
        self._calls: list[ResponseFunctionToolCall] = []
        self._usage = _usage(0, 0)

    def say(self, text: str) -> ResponseTextDeltaEvent:
        """Add a piece of text."""
        piece = clean(text)
        self._text.append(piece)
        return ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta=piece,
            content_index=0,
            item_id=_MESSAGE,
            logprobs=[],
            output_index=0,
            sequence_number=next(self._numbers),
        )

    def call(
        self, name: str, *, call_id: str, own: Mapping[str, str] | None = None
    ) -> ResponseOutputItemAddedEvent:
        """Begin a call; `own` is what the vendor wants back with it, and nobody else reads."""
        call = ResponseFunctionToolCall.model_validate(
            {
                "type": "function_call",
                "name": clean(name),
                "call_id": call_id,
                "arguments": "",
                "provider_data": dict(own or {}),
            }
        )
        self._calls.append(call)
        return ResponseOutputItemAddedEvent(
            type="response.output_item.added",
            item=call,
            output_index=len(self._calls),
            sequence_number=next(self._numbers),
        )

    def argue(self, piece: str) -> ResponseFunctionCallArgumentsDeltaEvent:
        """Add a piece of the last call's arguments."""
        call = self._calls[-1]
        piece = clean(piece)
        call.arguments += piece
        return ResponseFunctionCallArgumentsDeltaEvent(
            type="response.function_call_arguments.delta",
            delta=piece,
            item_id=call.call_id,
            output_index=len(self._calls),
            sequence_number=next(self._numbers),
        )

    def count(self, *, input_tokens: int, output_tokens: int) -> ResponseInProgressEvent:
        """Note what the answer has cost so far."""
        self._usage = _usage(input_tokens, output_tokens)
        return ResponseInProgressEvent(
            type="response.in_progress",
            response=self._response("in_progress"),
            sequence_number=next(self._numbers),
        )

    def close(self, *, is_finished: bool) -> ResponseCompletedEvent:
        """End the answer; `is_finished` is whether the vendor has said that there is no more.

        Raises `ModelUnavailable` for an answer that only stopped: a proxy's time limit can end a
        stream in good order.
        """
        if (self._text or self._calls) and not is_finished:
            raise ModelUnavailable
        return ResponseCompletedEvent(
            type="response.completed",
            response=self._response("completed"),
            sequence_number=next(self._numbers),
        )

    def _response(self, status: Literal["completed", "in_progress"]) -> Response:
        return Response(
            id=_ID,
            created_at=_TIME,
            model=self._model,
            object="response",
            output=[*self._messages(), *self._calls],
            parallel_tool_calls=True,
            status=status,
            tool_choice="auto",
            tools=[],
            usage=self._usage,
        )

    def _messages(self) -> list[ResponseOutputMessage]:
        text = "".join(self._text)
        if not text:
            return []
        part = ResponseOutputText(type="output_text", text=text, annotations=[])
        return [
            ResponseOutputMessage(
                id=_MESSAGE, type="message", role="assistant", status="completed", content=[part]
            )
        ]


def _usage(input_tokens: int, output_tokens: int) -> ResponseUsage:
    return ResponseUsage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=input_tokens + output_tokens,
        input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
    )
