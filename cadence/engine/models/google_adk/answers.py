"""Gathers a streamed answer, piece by piece, for the one whole `LlmResponse` that ends it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from google.adk.models.llm_response import LlmResponse
from google.genai.types import (
    Content,
    FinishReason,
    FunctionCall,
    GenerateContentResponseUsageMetadata,
    Part,
    PartialArg,
)

from cadence.engine.models.google_adk.requests import read_arguments


@dataclass(slots=True)
class _Call:
    id: str | None
    name: str
    arguments: list[str]


@dataclass(slots=True)
class Gathered:
    """What has arrived of an answer; `finish` is None until the provider says that it is whole."""

    finish: FinishReason | None = None
    usage: GenerateContentResponseUsageMetadata | None = None
    _text: list[str] = field(default_factory=list)
    _calls: list[_Call] = field(default_factory=list)
    _latest: dict[int, _Call] = field(default_factory=dict)

    def say(self, text: str) -> LlmResponse:
        """Add words and return them as a piece of the stream."""
        self._text.append(text)
        return _piece(Part(text=text))

    def call(
        self, index: int, *, call_id: str | None, name: str | None, arguments: str
    ) -> LlmResponse:
        """Add a piece of the call with this index and return it as a piece of the stream."""
        call = self._latest.get(index)
        if call is None or _is_another(call, call_id, name):
            call = self._latest[index] = _Call(call_id, name or "", [])
            self._calls.append(call)
        call.arguments.append(arguments)
        arrived = PartialArg(string_value=arguments)
        begun = FunctionCall(name=call.name, partial_args=[arrived], will_continue=True)
        return _piece(Part(function_call=begun))

    def count(self, *, input_tokens: int, output_tokens: int) -> LlmResponse:
        """Note what the call has cost so far and return it as a piece of the stream."""
        self.usage = GenerateContentResponseUsageMetadata(
            prompt_token_count=input_tokens, candidates_token_count=output_tokens
        )
        return LlmResponse(partial=True, usage_metadata=self.usage)

    def whole(self) -> LlmResponse:
        """Return the answer as far as it has arrived.

        A call's `args` are None when what the model wrote is not the JSON of an object.
        """
        parts = [*self._words(), *map(_finished, self._calls)]
        return LlmResponse(
            partial=False,
            content=Content(role="model", parts=parts),
            finish_reason=self.finish,
            usage_metadata=self.usage,
        )

    def _words(self) -> Iterable[Part]:
        text = "".join(self._text)
        return [Part(text=text)] if text else []


def _is_another(call: _Call, call_id: str | None, name: str | None) -> bool:
    # Some compatible servers give all calls of an answer the same index.
    return bool(name) and bool(call_id) and call_id != call.id


def _finished(call: _Call) -> Part:
    arguments = read_arguments("".join(call.arguments))
    return Part(function_call=FunctionCall(id=call.id, name=call.name, args=arguments))


def _piece(part: Part) -> LlmResponse:
    return LlmResponse(partial=True, content=Content(role="model", parts=[part]))
