"""Asks by LangChain's chat models, the way the LangGraph backend does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from pydantic import SecretStr

from tests.fakes.model_server import ModelServer
from tests.unit.fakes.clients import (
    ADD_DESCRIPTION,
    ADD_PARAMETERS,
    MAX_TOKENS,
    SYSTEM,
    TEMPERATURE,
    Ask,
    Asking,
    Heard,
)
from tests.unit.fakes.sdk_clients import TRUSTS_NOBODY, open_anthropic

ADD_TOOL = {
    "type": "function",
    "function": {"name": "add", "description": ADD_DESCRIPTION, "parameters": ADD_PARAMETERS},
}

# With a limit, LangChain awaits each chunk by `asyncio.wait_for`, which before Python 3.12 drops
# a cancellation that meets a chunk; a stream may then go on for good.
LETS_ITSELF_BE_CANCELLED = None

Opening = Callable[[ModelServer, Asking], Any]


@asynccontextmanager
async def _open_chat(server: ModelServer, asking: Asking, **more: Any) -> AsyncIterator[ChatOpenAI]:
    async with httpx2.AsyncClient(verify=TRUSTS_NOBODY) as http:
        yield ChatOpenAI(
            model=asking.model or "gpt-test",
            base_url=server.openai_url,
            api_key=SecretStr(asking.key),
            temperature=TEMPERATURE,
            max_completion_tokens=MAX_TOKENS,
            timeout=asking.timeout,
            max_retries=0,
            stream_usage=True,
            http_async_client=http,
            stream_chunk_timeout=LETS_ITSELF_BE_CANCELLED,
            **more,
        )


def open_chat_openai(server: ModelServer, asking: Asking) -> Any:
    """Open ChatOpenAI on Chat Completions."""
    return _open_chat(server, asking)


def open_chat_openai_responses(server: ModelServer, asking: Asking) -> Any:
    """Open ChatOpenAI on Responses."""
    return _open_chat(server, asking, use_responses_api=True)


@asynccontextmanager
async def open_azure(server: ModelServer, asking: Asking) -> AsyncIterator[AzureChatOpenAI]:
    """Open Azure's Chat Completions."""
    async with httpx2.AsyncClient(verify=TRUSTS_NOBODY) as http:
        yield AzureChatOpenAI(
            azure_deployment=asking.model or "gpt-test",
            azure_endpoint=server.azure_url,
            api_key=SecretStr(asking.key),
            api_version="2025-01-01-preview",
            temperature=TEMPERATURE,
            max_completion_tokens=MAX_TOKENS,
            timeout=asking.timeout,
            max_retries=0,
            stream_usage=True,
            http_async_client=http,
            stream_chunk_timeout=LETS_ITSELF_BE_CANCELLED,
        )


@asynccontextmanager
async def open_chat_anthropic(server: ModelServer, asking: Asking) -> AsyncIterator[ChatAnthropic]:
    """Open ChatAnthropic on a client of its own.

    Left alone it takes one that it keeps for ever and shares by base_url, across event loops.
    """
    async with open_anthropic(server, asking) as client:
        model = ChatAnthropic(
            model=asking.model or "claude-test",
            base_url=server.anthropic_url,
            api_key=SecretStr(asking.key),
            temperature=TEMPERATURE,
            max_tokens=MAX_TOKENS,
            timeout=asking.timeout,
            max_retries=0,
        )
        # The cached property behind which it keeps its client.
        model.__dict__["_async_client"] = client
        yield model


@asynccontextmanager
async def open_chat_google(
    server: ModelServer, asking: Asking
) -> AsyncIterator[ChatGoogleGenerativeAI]:
    """Open ChatGoogleGenerativeAI; here 1 means a single attempt."""
    model = ChatGoogleGenerativeAI(
        model=asking.model or "gemini-2.5-test",
        base_url=server.gemini_url,
        api_key=SecretStr(asking.key),
        temperature=TEMPERATURE,
        max_tokens=MAX_TOKENS,
        timeout=asking.timeout,
        max_retries=1,
        client_args={"verify": TRUSTS_NOBODY},
    )
    try:
        yield model
    finally:
        await model.aclose()


def asking_by(opening: Opening) -> Ask:
    """Return how to ask one kind of LangChain model."""

    async def ask(server: ModelServer, asking: Asking) -> Heard:
        async with opening(server, asking) as model:
            answer = await answer_of(model, asking)
        usage = answer.usage_metadata or {"input_tokens": 0, "output_tokens": 0}
        return Heard(
            text=answer.text,
            calls=tuple(
                (call["id"] or "", call["name"], call["args"]) for call in answer.tool_calls
            ),
            tokens=(usage["input_tokens"], usage["output_tokens"]),
            memory=answer,
        )

    return ask


async def answer_of(model: BaseChatModel, asking: Asking) -> AIMessage:
    """Return the whole answer, added up by LangChain when streaming."""
    offered = model.bind_tools([ADD_TOOL])
    if not asking.stream:
        return await offered.ainvoke(_messages(asking))
    chunks = [chunk async for chunk in offered.astream(_messages(asking))]
    return sum(chunks[1:], start=chunks[0])


def _messages(asking: Asking) -> list[BaseMessage]:
    messages: list[BaseMessage] = [
        SystemMessage(SYSTEM),
        HumanMessage(asking.question),
    ]
    if asking.heard is not None:
        messages.append(asking.heard.memory)
        messages += [
            ToolMessage(content=result, tool_call_id=call[0], name=call[1])
            for call, result in zip(asking.heard.calls, asking.results, strict=True)
        ]
    return messages


ask_chat_openai = asking_by(open_chat_openai)
ask_chat_openai_responses = asking_by(open_chat_openai_responses)
ask_azure = asking_by(open_azure)
ask_chat_anthropic = asking_by(open_chat_anthropic)
ask_chat_google = asking_by(open_chat_google)
