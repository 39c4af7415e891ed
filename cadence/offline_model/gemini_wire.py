"""Writes answers as Gemini's generateContent does, whole or in chunks."""

from collections.abc import Iterator

from cadence.offline_model.answering import Answer
from cadence.offline_model.counting import word_by_word
from cadence.offline_model.door import MODEL
from cadence.offline_model.request import JsonObject, ToolCall


class GenerateWriter:
    """Writes one answer; `model` is echoed."""

    def __init__(self, answer: Answer, *, model: str) -> None:
        self._answer = answer
        self._model = model

    def whole(self) -> JsonObject:
        """Return the answer as one object."""
        if self._answer.calls:
            return self._response([_part(call) for call in self._answer.calls], is_last=True)
        return self._response([{"text": self._answer.text}], is_last=True)

    def chunks(self) -> Iterator[JsonObject]:
        """Return the answer word by word; calls come whole, as Gemini sends them."""
        if self._answer.calls:
            yield self.whole()
            return
        words = word_by_word(self._answer.text)
        for word in words[:-1]:
            yield self._response([{"text": word}], is_last=False)
        yield self._response([{"text": word} for word in words[-1:]], is_last=True)

    def _response(self, parts: list[JsonObject], *, is_last: bool) -> JsonObject:
        candidate: JsonObject = {"content": {"parts": [*parts], "role": "model"}, "index": 0}
        if is_last:
            candidate["finishReason"] = "MAX_TOKENS" if self._answer.is_cut else "STOP"
        return {
            "candidates": [candidate],
            "usageMetadata": self._usage(is_last=is_last),
            "modelVersion": self._model,
            "responseId": self._answer.id,
        }

    def _usage(self, *, is_last: bool) -> JsonObject:
        """Return the usage; before the end only the prompt is known."""
        prompt = self._answer.prompt_tokens
        usage: JsonObject = {
            "promptTokenCount": prompt,
            "totalTokenCount": prompt,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        }
        if is_last:
            usage["candidatesTokenCount"] = self._answer.answer_tokens
            usage["totalTokenCount"] = prompt + self._answer.answer_tokens
        return usage


def gemini_model(name: str = MODEL) -> JsonObject:
    """Return the description of the stand-in under one of its names."""
    return {
        "name": f"models/{name}",
        "version": "1",
        "displayName": "Cadence offline stand-in",
        "description": "A small set of rules that stands in for a model; it is not an LLM.",
        "inputTokenLimit": 2_097_152,
        "outputTokenLimit": 8_192,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
    }


def _part(call: ToolCall) -> JsonObject:
    return {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}}
