"""LangChain's chat models for everyone who speaks OpenAI's Chat Completions."""

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI

from cadence.engine.models.openai_client import build_client
from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec, Provider


def build(spec: ModelSpec, clients: ModelClients) -> BaseChatModel:
    """Build a chat model that streams and reports its usage."""
    client = clients.client(spec, build_client)
    # OpenAI and Azure want `max_completion_tokens`; many compatible servers know only `max_tokens`,
    # which is what the base class sends.
    is_vendors = spec.provider in {Provider.OPENAI, Provider.AZURE_OPENAI}
    chat_class = ChatOpenAI if is_vendors else BaseChatOpenAI
    return chat_class(
        model=spec.model,
        temperature=spec.temperature,
        max_tokens=spec.max_tokens,
        use_responses_api=False,
        stream_usage=True,
        output_version="v0",
        # Every chunk would get a task of its own; ModelCalls bounds the whole call instead.
        stream_chunk_timeout=None,
        # With these no client is built from the environment.
        root_async_client=client,
        async_client=client.chat.completions,
    )
