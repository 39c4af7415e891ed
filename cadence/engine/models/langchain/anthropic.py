"""LangChain's chat model for Anthropic."""

from functools import cached_property
from typing import Any

import anthropic
from anthropic.types import RawMessageStreamEvent
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from pydantic import ConfigDict, Field, SecretStr
from typing_extensions import override

from cadence.engine.models.anthropic_client import LONGEST_ANSWER, build_client
from cadence.engine.models.langchain.chat_models import INPUT_TOKENS
from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec


class _Anthropic(ChatAnthropic):
    """Sends through a client of ours; LangChain's own keeps cookies and is shared by address."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    own_client: anthropic.AsyncAnthropic = Field(exclude=True, repr=False)

    @cached_property
    @override
    def _async_client(self) -> anthropic.AsyncAnthropic:
        return self.own_client

    @override
    def _make_message_chunk_from_anthropic_event(
        self, event: RawMessageStreamEvent, **options: Any
    ) -> tuple[AIMessageChunk | None, RawMessageStreamEvent | None]:
        chunk, block = super()._make_message_chunk_from_anthropic_event(event, **options)
        # LangChain waits for the end to report any usage; an answer that breaks off has none.
        if event.type == "message_start" and chunk is not None:
            chunk.response_metadata[INPUT_TOKENS] = event.message.usage.input_tokens
        return chunk, block


def build(spec: ModelSpec, clients: ModelClients) -> BaseChatModel:
    """Build a chat model that streams and reports its usage."""
    return _Anthropic(
        model=spec.model,
        max_tokens=spec.max_tokens or LONGEST_ANSWER,
        temperature=spec.temperature,
        timeout=spec.timeout,
        max_retries=0,
        stop=None,
        stream_usage=True,
        base_url=spec.base_url,
        api_key=SecretStr(spec.api_key),
        own_client=clients.client(spec, build_client),
    )
