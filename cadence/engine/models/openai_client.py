"""Clients for everyone who speaks OpenAI's wire: OpenAI, Azure, compatible servers, offline."""

from functools import cached_property
from typing import Any, cast

import httpx2
from openai import AsyncAzureOpenAI, AsyncOpenAI
from openai._base_client import BaseClient, make_request_options
from openai._streaming import AsyncStream
from openai._utils import is_given
from openai.resources.chat.chat import AsyncChat
from openai.resources.chat.completions import AsyncCompletions
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError
from typing_extensions import override

from cadence.engine.models.openai_events import JoiningDecoder
from cadence.engine.providers import AZURE_API_VERSION
from cadence.engine.spec import ModelSpec, Provider
from cadence.engine.transports import Transports

# Servers without keys get this one, because the library insists on some.
_NO_KEY = "none"
# What a call says of itself and not to the model.
_ABOUT_CALL = frozenset({"extra_headers", "extra_query", "extra_body", "timeout"})


class _PlainCompletions(AsyncCompletions):
    """Sends what it is given as it is.

    The library looks through all of a call, message for message, for what is not JSON yet; at half
    a millisecond and more, to find that there is nothing.
    """

    @override
    async def create(self, **asked: Any) -> Any:
        """Ask; a call that wants no stream goes the library's own way."""
        if asked.get("stream") is not True:
            return await super().create(**asked)
        about = {name: value for name, value in asked.items() if name in _ABOUT_CALL}
        return await self._post(
            "/chat/completions",
            body={
                name: value
                for name, value in asked.items()
                if name not in _ABOUT_CALL and is_given(value)
            },
            options=make_request_options(**about, security={"bearer_auth": True}),
            cast_to=ChatCompletion,
            stream=True,
            stream_cls=AsyncStream[ChatCompletionChunk],
        )


class _PlainChat(AsyncChat):
    """Leads to the completions that send what they are given."""

    @cached_property
    @override
    def completions(self) -> AsyncCompletions:
        return _PlainCompletions(self._client)


class _QuickToRead(BaseClient[Any, Any]):
    """Reads a stream of tokens at a third of what the library's own way costs."""

    @override
    def _make_sse_decoder(self) -> JoiningDecoder:
        return JoiningDecoder()

    @override
    def _process_response_data(
        self, *, data: object, cast_to: type[Any], response: httpx2.Response
    ) -> Any:
        if cast_to is ChatCompletionChunk:
            try:
                return ChatCompletionChunk.model_validate(data)
            except ValidationError:
                # The library takes chunks that leave out what they should have.
                pass
        return super()._process_response_data(data=data, cast_to=cast_to, response=response)

    @cached_property
    def chat(self) -> AsyncChat:
        """Chat Completions."""
        return _PlainChat(cast("AsyncOpenAI", self))


class _OpenAI(_QuickToRead, AsyncOpenAI):
    """OpenAI and whoever speaks as it does."""


class _AzureOpenAI(_QuickToRead, AsyncAzureOpenAI):
    """Azure."""


def build_client(spec: ModelSpec, transports: Transports) -> AsyncOpenAI:
    """Build a client that sends only what the spec says; it shares the transport, so no close."""
    client = (
        _azure(spec, transports)
        if spec.provider is Provider.AZURE_OPENAI
        else _plain(spec, transports)
    )
    # The library fills these from the process's environment where they were not given.
    client.organization = spec.options.get("organization")
    client.project = spec.options.get("project")
    client.admin_api_key = None
    return client


def timeouts(spec: ModelSpec) -> httpx2.Timeout:
    """Return the timeouts of one call; connecting is the part that should never take long."""
    return httpx2.Timeout(spec.timeout, connect=min(10.0, spec.timeout))


def _plain(spec: ModelSpec, transports: Transports) -> AsyncOpenAI:
    return _OpenAI(
        api_key=spec.api_key or _NO_KEY,
        base_url=spec.base_url,
        timeout=timeouts(spec),
        max_retries=0,
        http_client=transports.httpx2,
    )


def _azure(spec: ModelSpec, transports: Transports) -> AsyncOpenAI:
    return _AzureOpenAI(
        api_key=spec.api_key or _NO_KEY,
        azure_endpoint=spec.base_url,
        azure_deployment=spec.options.get("deployment"),
        api_version=spec.options.get("api_version", AZURE_API_VERSION),
        timeout=timeouts(spec),
        max_retries=0,
        http_client=transports.httpx2,
    )
