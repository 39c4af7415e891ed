"""The Agents SDK's own model for everyone who speaks OpenAI's Chat Completions."""

from collections.abc import AsyncIterator
from typing import Any

from agents import Model, ModelSettings, OpenAIChatCompletionsModel
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import Choice
from typing_extensions import override

from cadence.engine.errors import ModelUnavailable
from cadence.engine.models.openai_client import build_client
from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec, Provider
from cadence.kernel.text import clean


class _Watched:
    """A stream of chunks on its way to the SDK, which looks at less than we must."""

    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        has_begun = is_finished = False
        async for chunk in self._chunks:
            for choice in chunk.choices or ():
                has_begun = has_begun or bool(choice.delta.content or choice.delta.tool_calls)
                is_finished = is_finished or choice.finish_reason is not None
                _clean(choice)
            yield chunk
        # A proxy's time limit can end a stream in good order; only the missing reason tells.
        if has_begun and not is_finished:
            raise ModelUnavailable

    async def aclose(self) -> None:
        """Close the provider's stream, as the SDK asks."""
        await self._chunks.close()


class _ChatCompletions(OpenAIChatCompletionsModel):
    """Watches the stream, and leaves closing it on a cancel to `ModelCalls`."""

    @override
    async def _fetch_response(self, *given: Any, **named: Any) -> Any:
        fetched: Any = await super()._fetch_response(*given, **named)
        if not isinstance(fetched, tuple):
            return fetched
        response, chunks = fetched
        return response, _Watched(chunks)

    @override
    def _schedule_async_iterator_close(self, iterator: Any) -> None:
        """Start no task: it would outlive the turn."""


def build(spec: ModelSpec, clients: ModelClients) -> Model:
    """Build a model that streams and reports its usage."""
    return _ChatCompletions(spec.model, clients.client(spec, build_client))


def settings(spec: ModelSpec) -> ModelSettings:
    """Return what goes with every call."""
    # OpenAI and Azure want `max_completion_tokens`; many compatible servers know only `max_tokens`.
    is_vendors = spec.provider in {Provider.OPENAI, Provider.AZURE_OPENAI}
    limit = {"max_completion_tokens": spec.max_tokens} if spec.max_tokens is not None else {}
    return ModelSettings(
        temperature=spec.temperature,
        max_tokens=None if is_vendors else spec.max_tokens,
        extra_args=limit if is_vendors else None,
        include_usage=True,
        # The SDK would have OpenAI itself keep the conversation; others may not know the field.
        store=False if spec.provider is Provider.OPENAI else None,
    )


def _clean(choice: Choice) -> None:
    # The SDK's types refuse half a surrogate pair, and no store takes a NUL.
    if choice.delta.content:
        choice.delta.content = clean(choice.delta.content)
    for call in choice.delta.tool_calls or ():
        if call.function is not None:
            call.function.name = clean(call.function.name or "") or None
            call.function.arguments = clean(call.function.arguments or "")
