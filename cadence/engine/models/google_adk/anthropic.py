"""ADK's model for Anthropic."""

from collections.abc import AsyncGenerator, Iterator
from typing import Any

from anthropic import AsyncAnthropic
from anthropic.types import RawContentBlockDeltaEvent, RawMessageStreamEvent, Usage
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai.types import Content, FinishReason, FunctionDeclaration, Part
from pydantic import Field
from typing_extensions import override

from cadence.engine.models.anthropic_client import LONGEST_ANSWER, build_client
from cadence.engine.models.google_adk.answers import Gathered
from cadence.engine.models.google_adk.requests import (
    Calling,
    calling_of,
    has_results,
    is_error,
    prompt_of,
    result_text,
    tools_of,
)
from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec

_FINISHED = {
    "end_turn": FinishReason.STOP,
    "tool_use": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.MAX_TOKENS,
    "refusal": FinishReason.SAFETY,
}


class Messages(BaseLlm):
    """Asks over Anthropic's Messages; ADK's own adapter reports no usage while it streams."""

    client: AsyncAnthropic = Field(exclude=True, repr=False)
    parallel: bool

    @override
    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Yield the answer's pieces and then the whole; always asks for a stream."""
        gathered = Gathered()
        events = await self.client.messages.create(**self._arguments(llm_request))
        async with events:
            async for event in events:
                for piece in _pieces(event, gathered):
                    yield piece
        yield gathered.whole()

    def _arguments(self, request: LlmRequest) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": self.model,
            "system": prompt_of(request),
            "messages": [_message(content) for content in request.contents],
            "max_tokens": request.config.max_output_tokens or LONGEST_ANSWER,
            "stream": True,
            **self._tools(request),
        }
        if request.config.temperature is not None:
            # The library has forgotten it, because its newest models refuse it; others take it.
            asked["extra_body"] = {"temperature": request.config.temperature}
        return asked

    def _tools(self, request: LlmRequest) -> dict[str, Any]:
        offered = [_offered(tool) for tool in tools_of(request)]
        if not offered:
            return {}
        match calling_of(request):
            case Calling.WORDS_ONLY:
                # A history with tool calls is refused unless the tools come with it.
                words_only = {"tools": offered, "tool_choice": {"type": "none"}}
                return words_only if has_results(request.contents) else {}
            case Calling.FREE if not self.parallel:
                one = {"type": "auto", "disable_parallel_tool_use": True}
                return {"tools": offered, "tool_choice": one}
            case _:
                # The newest models refuse to be forced; the prompt has to ask them.
                return {"tools": offered}


def build(spec: ModelSpec, clients: ModelClients, *, parallel: bool) -> BaseLlm:
    """Build a model that streams and reports its usage."""
    return Messages(model=spec.model, client=clients.client(spec, build_client), parallel=parallel)


def _offered(tool: FunctionDeclaration) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description or "",
        "input_schema": tool.parameters_json_schema,
    }


def _message(content: Content) -> dict[str, Any]:
    role = "assistant" if content.role == "model" else "user"
    blocks = [block for part in content.parts or () if (block := _block(part)) is not None]
    return {"role": role, "content": blocks}


def _block(part: Part) -> dict[str, Any] | None:
    if (call := part.function_call) is not None:
        return {"type": "tool_use", "id": call.id, "name": call.name, "input": call.args or {}}
    if (result := part.function_response) is not None:
        return {
            "type": "tool_result",
            "tool_use_id": result.id,
            "content": result_text(result),
            "is_error": is_error(result),
        }
    # A block without a word is refused.
    is_said = part.text is not None and part.text.strip() and not part.thought
    return {"type": "text", "text": part.text} if is_said else None


def _pieces(event: RawMessageStreamEvent, gathered: Gathered) -> Iterator[LlmResponse]:
    match event.type:
        case "message_start":
            # The output that it counts is only the beginning; the total comes at the end.
            yield gathered.count(input_tokens=_input_tokens(event.message.usage), output_tokens=0)
        case "content_block_start" if event.content_block.type == "tool_use":
            block = event.content_block
            yield gathered.call(event.index, call_id=block.id, name=block.name, arguments="")
        case "content_block_delta":
            yield from _delta_pieces(event, gathered)
        case "message_delta":
            if event.delta.stop_reason:
                gathered.finish = _FINISHED.get(event.delta.stop_reason, FinishReason.OTHER)
            counted = gathered.usage.prompt_token_count if gathered.usage else 0
            yield gathered.count(input_tokens=counted or 0, output_tokens=event.usage.output_tokens)
        case _:
            pass  # pings, and the ends of blocks


def _delta_pieces(event: RawContentBlockDeltaEvent, gathered: Gathered) -> Iterator[LlmResponse]:
    if event.delta.type == "text_delta" and event.delta.text:
        yield gathered.say(event.delta.text)
    if event.delta.type == "input_json_delta":
        arguments = event.delta.partial_json
        yield gathered.call(event.index, call_id=None, name=None, arguments=arguments)


def _input_tokens(usage: Usage) -> int:
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return usage.input_tokens + cached
