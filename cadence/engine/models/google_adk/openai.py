"""ADK's model for everyone who speaks OpenAI's Chat Completions."""

import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai.types import Content, FinishReason, FunctionCall, FunctionDeclaration
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import Choice
from pydantic import Field
from typing_extensions import override

from cadence.engine.models.google_adk.answers import Gathered
from cadence.engine.models.google_adk.requests import (
    Calling,
    calling_of,
    prompt_of,
    result_text,
    text_of,
    tools_of,
)
from cadence.engine.models.openai_client import build_client
from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec, Provider

_FINISHED = {
    "stop": FinishReason.STOP,
    "tool_calls": FinishReason.STOP,
    "function_call": FinishReason.STOP,
    "length": FinishReason.MAX_TOKENS,
    "content_filter": FinishReason.SAFETY,
}


class ChatCompletions(BaseLlm):
    """Asks over Chat Completions; ADK's own adapter sends a `max_tokens` that nobody asked for."""

    client: AsyncOpenAI = Field(exclude=True, repr=False)
    limit_name: str
    parallel: bool

    @override
    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Yield the answer's pieces and then the whole; always asks for a stream."""
        gathered = Gathered()
        chunks = await self.client.chat.completions.create(**self._arguments(llm_request))
        async with chunks:
            async for chunk in chunks:
                for piece in _pieces(chunk, gathered):
                    yield piece
        yield gathered.whole()

    def _arguments(self, request: LlmRequest) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": _messages(request),
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._tools(request),
        }
        if request.config.temperature is not None:
            asked["temperature"] = request.config.temperature
        if request.config.max_output_tokens is not None:
            asked[self.limit_name] = request.config.max_output_tokens
        return asked

    def _tools(self, request: LlmRequest) -> dict[str, Any]:
        offered = [_offered(tool) for tool in tools_of(request)]
        calling = calling_of(request)
        if not offered or calling is Calling.WORDS_ONLY:
            return {}
        if calling is Calling.FORCED:
            only = {"type": "function", "function": {"name": offered[0]["function"]["name"]}}
            return {"tools": offered, "tool_choice": only}
        # Where several calls are allowed nothing is sent, since not every server knows the field.
        return {"tools": offered} if self.parallel else {
            "tools": offered, "parallel_tool_calls": False
        }  # fmt: skip


def build(spec: ModelSpec, clients: ModelClients, *, parallel: bool) -> BaseLlm:
    """Build a model that streams and reports its usage."""
    # OpenAI and Azure want `max_completion_tokens`; many compatible servers know only `max_tokens`.
    is_vendors = spec.provider in {Provider.OPENAI, Provider.AZURE_OPENAI}
    return ChatCompletions(
        model=spec.model,
        client=clients.client(spec, build_client),
        limit_name="max_completion_tokens" if is_vendors else "max_tokens",
        parallel=parallel,
    )


def _offered(tool: FunctionDeclaration) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters_json_schema,
    }
    return {"type": "function", "function": function}


def _messages(request: LlmRequest) -> list[dict[str, Any]]:
    system = {"role": "system", "content": prompt_of(request)}
    return [system, *(message for each in request.contents for message in _message(each))]


def _message(content: Content) -> Iterator[dict[str, Any]]:
    parts = content.parts or []
    for part in parts:
        if (result := part.function_response) is not None:
            yield {"role": "tool", "tool_call_id": result.id, "content": result_text(result)}
    text = text_of(parts)
    calls = [_past_call(part.function_call) for part in parts if part.function_call]
    if content.role == "model":
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        yield {**message, "tool_calls": calls} if calls else message
    elif text:
        yield {"role": "user", "content": text}


def _past_call(call: FunctionCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(call.args or {}, ensure_ascii=False)}
    return {"type": "function", "id": call.id, "function": function}


def _pieces(chunk: ChatCompletionChunk, gathered: Gathered) -> Iterator[LlmResponse]:
    if chunk.usage is not None:
        yield gathered.count(
            input_tokens=chunk.usage.prompt_tokens, output_tokens=chunk.usage.completion_tokens
        )
    # One answer was asked for; a server may still number others.
    for choice in chunk.choices:
        if choice.index == 0:
            yield from _answer_pieces(choice, gathered)


def _answer_pieces(choice: Choice, gathered: Gathered) -> Iterator[LlmResponse]:
    if choice.delta.content:
        yield gathered.say(choice.delta.content)
    for call in choice.delta.tool_calls or ():
        function = call.function
        yield gathered.call(
            call.index,
            call_id=call.id,
            name=function.name if function else None,
            arguments=(function.arguments if function else None) or "",
        )
    if choice.finish_reason:
        gathered.finish = _FINISHED.get(choice.finish_reason, FinishReason.OTHER)
