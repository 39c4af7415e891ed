"""Writes answers as OpenAI Chat Completions does, whole or in chunks."""

import json
from collections.abc import Iterator

from cadence.offline_model.answering import Answer
from cadence.offline_model.counting import word_by_word
from cadence.offline_model.door import MODEL
from cadence.offline_model.request import JsonObject, ToolCall

# How many characters of a call's arguments one chunk carries.
_ARGUMENTS_PIECE = 16


class ChatWriter:
    """Writes one answer; `created` is in seconds since the epoch, `model` is echoed."""

    def __init__(self, answer: Answer, *, model: str, created: int) -> None:
        self._answer = answer
        self._model = model
        self._created = created

    def whole(self) -> JsonObject:
        """Return the answer as one object."""
        answer = self._answer
        message: JsonObject = {
            "role": "assistant",
            "content": None if answer.calls else answer.text,
            "refusal": None,
            "annotations": [],
        }
        if answer.calls:
            message["tool_calls"] = [_call(call) for call in answer.calls]
        choice: JsonObject = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self._finish_reason(),
        }
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def chunks(self, *, with_usage: bool) -> Iterator[JsonObject]:
        """Return the answer in chunks, the last with the usage if that is wanted."""
        for delta in self._deltas():
            yield self._chunk(delta, None, with_usage=with_usage)
        yield self._chunk({}, self._finish_reason(), with_usage=with_usage)
        if with_usage:
            head = self._head("chat.completion.chunk")
            yield {**head, "choices": [], "usage": self._usage()}

    def _deltas(self) -> Iterator[JsonObject]:
        calls = self._answer.calls
        yield {"role": "assistant", "content": None if calls else "", "refusal": None}
        for word in word_by_word(self._answer.text):
            yield {"content": word}
        for index, call in enumerate(calls):
            for delta in _call_deltas(index, call):
                yield {"tool_calls": [delta]}

    def _chunk(self, delta: JsonObject, finished: str | None, *, with_usage: bool) -> JsonObject:
        choice: JsonObject = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finished,
        }
        chunk: JsonObject = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return {**chunk, "usage": None} if with_usage else chunk

    def _head(self, kind: str) -> JsonObject:
        return {
            "id": f"chatcmpl-{self._answer.id}",
            "object": kind,
            "created": self._created,
            "model": self._model,
            "service_tier": "default",
            "system_fingerprint": "fp_offline",
        }

    def _finish_reason(self) -> str:
        if self._answer.calls:
            return "tool_calls"
        return "length" if self._answer.is_cut else "stop"

    def _usage(self) -> JsonObject:
        prompt, completion = self._answer.prompt_tokens, self._answer.answer_tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def carries_word(chunk: JsonObject) -> bool:
    """Tell whether a chunk brings a piece of the text."""
    match chunk:
        case {"choices": [{"delta": {"content": str() as word}}]}:
            return word != ""
        case _:
            return False


def openai_model(name: str = MODEL) -> JsonObject:
    """Return the description of the stand-in under one of its names."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "cadence-offline-stand-in"}


def _call(call: ToolCall) -> JsonObject:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": _arguments(call)},
    }


def _call_deltas(index: int, call: ToolCall) -> Iterator[JsonObject]:
    """Return a call in pieces: its id and name first, then its arguments bit by bit."""
    function: JsonObject = {"name": call.name, "arguments": ""}
    yield {"index": index, "id": call.id, "type": "function", "function": function}
    text = _arguments(call)
    for start in range(0, len(text), _ARGUMENTS_PIECE):
        piece = text[start : start + _ARGUMENTS_PIECE]
        yield {"index": index, "function": {"arguments": piece}}


def _arguments(call: ToolCall) -> str:
    return json.dumps(call.arguments, ensure_ascii=False)
