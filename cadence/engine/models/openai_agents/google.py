"""A model of the Agents SDK for Google Gemini."""

import base64
import itertools
import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agents import Model, ModelSettings
from agents.items import TResponseStreamEvent
from google.genai import Client
from google.genai.types import (
    AutomaticFunctionCallingConfig,
    Content,
    FunctionCall,
    FunctionCallingConfig,
    FunctionCallingConfigMode,
    FunctionDeclaration,
    FunctionResponse,
    GenerateContentConfig,
    GenerateContentResponse,
    GenerateContentResponseUsageMetadata,
    Part,
    Tool,
    ToolConfig,
)
from typing_extensions import override

from cadence.engine.models.google_client import build_client
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

# It reports on every call that a feature which is not used is off.
logging.getLogger("google_genai.models").setLevel(logging.ERROR)

_ROLES = {"user": "user", "assistant": "model"}

# What Gemini wants back with a call: its signature, in base64, and the id if it gave one.
_SIGNATURE = "thought_signature"
_CALL_ID = "google_call_id"


class GoogleModel(VendorModel):
    """Asks by Google's own client."""

    def __init__(self, model: str, client: Client) -> None:
        self._model = model
        self._client = client

    @override
    async def answer(self, question: Question) -> AsyncIterator[TResponseStreamEvent]:
        """Ask `streamGenerateContent` and yield events as they come."""
        stream = await self._client.aio.models.generate_content_stream(
            model=self._model, contents=_contents(question), config=_config(question)
        )
        reading = _Reading(Writing(self._model))
        async for response in stream:
            for told in reading.read(response):
                yield told
        yield reading.close()


class _Reading:
    """Reads one answer's pieces."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._numbers = itertools.count(1)
        self._is_finished = False

    def read(self, response: GenerateContentResponse) -> Iterator[TResponseStreamEvent]:
        """Yield what the piece comes to."""
        if response.usage_metadata is not None:
            yield self._writing.count(**_tokens(response.usage_metadata))
        for candidate in (response.candidates or ())[:1]:
            for part in (candidate.content and candidate.content.parts) or ():
                yield from self._part(part)
            self._is_finished = self._is_finished or candidate.finish_reason is not None

    def close(self) -> TResponseStreamEvent:
        """Return the event that ends the answer."""
        return self._writing.close(is_finished=self._is_finished)

    def _part(self, part: Part) -> Iterator[TResponseStreamEvent]:
        if part.function_call is not None:
            call = part.function_call
            yield self._writing.call(
                call.name or "",
                call_id=call.id or f"call_{next(self._numbers)}",
                own=_own(call, part.thought_signature),
            )
            yield self._writing.argue(json.dumps(call.args or {}))
        elif part.text and not part.thought:
            yield self._writing.say(part.text)


def build(spec: ModelSpec, clients: ModelClients) -> Model:
    """Build a model that streams and reports its usage."""
    return GoogleModel(spec.model, clients.client(spec, build_client))


def settings(spec: ModelSpec) -> ModelSettings:
    """Return what goes with every call."""
    return ModelSettings(temperature=spec.temperature, max_tokens=spec.max_tokens)


def _tokens(usage: GenerateContentResponseUsageMetadata) -> dict[str, int]:
    answered = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return {"input_tokens": usage.prompt_token_count or 0, "output_tokens": answered}


def _own(call: FunctionCall, signature: bytes | None) -> Mapping[str, str]:
    own = {_CALL_ID: call.id} if call.id else {}
    if signature:
        own[_SIGNATURE] = base64.b64encode(signature).decode()
    return own


def _config(question: Question) -> GenerateContentConfig:
    settings = question.settings
    return GenerateContentConfig(
        system_instruction=question.system or None,
        temperature=settings.temperature,
        max_output_tokens=settings.max_tokens,
        tools=[Tool(function_declarations=[_declaration(offer) for offer in question.offers])]
        if question.offers
        else None,
        tool_config=_choice(settings),
        automatic_function_calling=AutomaticFunctionCallingConfig(disable=True),
    )


def _declaration(offer: Offer) -> FunctionDeclaration:
    return FunctionDeclaration(
        name=offer.name, description=offer.description, parameters_json_schema=offer.parameters
    )


def _choice(settings: ModelSettings) -> ToolConfig | None:
    match settings.tool_choice:
        case None:
            return None
        case "none":
            config = FunctionCallingConfig(mode=FunctionCallingConfigMode.NONE)
        case name:
            config = FunctionCallingConfig(
                mode=FunctionCallingConfigMode.ANY, allowed_function_names=[str(name)]
            )
    return ToolConfig(function_calling_config=config)


def _contents(question: Question) -> list[Content | str]:
    calls = {
        item["call_id"]: item for item in question.items if item.get("type") == "function_call"
    }
    return [
        Content(role=_ROLES[who], parts=parts)
        for who, items in question.turns()
        if (parts := list(_parts(items, calls)))
    ]


def _parts(items: Sequence[Item], calls: Mapping[str, Item]) -> Iterable[Part]:
    for item in items:
        match item.get("type", "message"):
            case "function_call":
                yield _call(item)
            case "function_call_output":
                yield _result(item, calls[item["call_id"]])
            case _:
                if text := text_of(item):
                    yield Part(text=text)


def _call(item: Item) -> Part:
    own = item.get("provider_data") or {}
    signature = own.get(_SIGNATURE)
    return Part(
        function_call=FunctionCall(
            id=own.get(_CALL_ID), name=item["name"], args=json.loads(item["arguments"] or "{}")
        ),
        thought_signature=base64.b64decode(signature) if signature else None,
    )


def _result(item: Item, call: Item) -> Part:
    own = call.get("provider_data") or {}
    response = FunctionResponse(
        id=own.get(_CALL_ID), name=call["name"], response=_object(item["output"])
    )
    return Part(function_response=response)


def _object(output: str) -> dict[str, Any]:
    """Return a result as the object that Gemini wants; what is none becomes its only field."""
    try:
        read = json.loads(output)
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {"output": output}
