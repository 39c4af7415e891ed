"""A model of the Agents SDK for Anthropic."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from agents import Model, ModelSettings
from agents.items import TResponseStreamEvent
from anthropic import AsyncAnthropic
from anthropic.types import MessageDeltaUsage, RawMessageStreamEvent, Usage
from typing_extensions import override

from cadence.engine.models.anthropic_client import LONGEST_ANSWER, build_client
from cadence.engine.models.openai_agents.vendor_model import (
    Item,
    Offer,
    Question,
    VendorModel,
    text_of,
)
from cadence.engine.models.openai_agents.writing import Writing
from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec

_Block = dict[str, Any]


class AnthropicModel(VendorModel):
    """Asks by Anthropic's own client."""

    def __init__(self, model: str, client: AsyncAnthropic) -> None:
        self._model = model
        self._client = client

    @override
    async def answer(self, question: Question) -> AsyncIterator[TResponseStreamEvent]:
        """Ask Messages and yield events as they come."""
        stream = await self._client.messages.create(stream=True, **self._request(question))
        reading = _Reading(Writing(self._model))
        async for event in stream:
            for told in reading.read(event):
                yield told
        yield reading.close()

    def _request(self, question: Question) -> dict[str, Any]:
        settings = question.settings
        request: dict[str, Any] = {
            "model": self._model,
            "max_tokens": settings.max_tokens or LONGEST_ANSWER,
            "messages": [
                {"role": who, "content": blocks}
                for who, items in question.turns()
                if (blocks := list(_blocks(items)))
            ],
        }
        if question.system:
            request["system"] = question.system
        if question.offers:
            request["tools"] = [_tool(offer) for offer in question.offers]
            request["tool_choice"] = _choice(settings)
        if settings.temperature is not None:
            # The client has no argument for it any more; the wire still has the field.
            request["extra_body"] = {"temperature": settings.temperature}
        return request


class _Reading:
    """Reads one answer's events."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._input_tokens = 0
        self._is_finished = False

    def read(self, event: RawMessageStreamEvent) -> Iterator[TResponseStreamEvent]:
        """Yield what the event comes to."""
        match event.type:
            case "message_start":
                self._input_tokens = _input_tokens(event.message.usage)
                yield self._writing.count(input_tokens=self._input_tokens, output_tokens=0)
            case "content_block_start" if event.content_block.type == "tool_use":
                block = event.content_block
                yield self._writing.call(block.name, call_id=block.id)
            case "content_block_delta" if event.delta.type == "text_delta":
                yield self._writing.say(event.delta.text)
            case "content_block_delta" if event.delta.type == "input_json_delta":
                yield self._writing.argue(event.delta.partial_json)
            case "message_delta":
                self._is_finished = event.delta.stop_reason is not None
                yield self._writing.count(
                    input_tokens=_input_tokens(event.usage) or self._input_tokens,
                    output_tokens=event.usage.output_tokens or 0,
                )
            case _:
                pass

    def close(self) -> TResponseStreamEvent:
        """Return the event that ends the answer."""
        return self._writing.close(is_finished=self._is_finished)


def build(spec: ModelSpec, clients: ModelClients) -> Model:
    """Build a model that streams and reports its usage."""
    return AnthropicModel(spec.model, clients.client(spec, build_client))


def settings(spec: ModelSpec) -> ModelSettings:
    """Return what goes with every call."""
    return ModelSettings(temperature=spec.temperature, max_tokens=spec.max_tokens)


def _input_tokens(usage: Usage | MessageDeltaUsage) -> int:
    cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    return (usage.input_tokens or 0) + cached


def _tool(offer: Offer) -> dict[str, Any]:
    return {
        "name": offer.name,
        "description": offer.description,
        "input_schema": offer.parameters,
    }


def _choice(settings: ModelSettings) -> dict[str, Any]:
    if settings.tool_choice == "none":
        return {"type": "none"}
    if settings.parallel_tool_calls is False:
        return {"type": "auto", "disable_parallel_tool_use": True}
    return {"type": "auto"}


def _blocks(items: Sequence[Item]) -> Iterator[_Block]:
    # Results come first: they must follow their calls at once.
    results = [item for item in items if item.get("type") == "function_call_output"]
    others = [item for item in items if item.get("type") != "function_call_output"]
    for item in results:
        yield {"type": "tool_result", "tool_use_id": item["call_id"], "content": item["output"]}
    yield from _said(others)


def _said(items: Iterable[Item]) -> Iterator[_Block]:
    for item in items:
        if item.get("type") == "function_call":
            yield {
                "type": "tool_use",
                "id": item["call_id"],
                "name": item["name"],
                "input": json.loads(item["arguments"] or "{}"),
            }
        elif (text := text_of(item)).strip():
            yield {"type": "text", "text": text}
