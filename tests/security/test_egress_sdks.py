"""The real SDKs, given our clients, reach what they may and nothing else (T12)."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from anthropic import APIConnectionError as AnthropicConnectionError
from anthropic import APIStatusError as AnthropicStatusError
from anthropic import AsyncAnthropic
from google import genai
from google.genai.errors import APIError as GoogleStatusError
from google.genai.types import HttpOptions
from openai import APIConnectionError as OpenAIConnectionError
from openai import APIStatusError as OpenAIStatusError
from openai import AsyncOpenAI

from cadence.infra.egress.addresses import parse_networks
from cadence.infra.egress.clients import Egress, open_egress
from cadence.infra.egress.rules import EgressBlocked, EgressRules
from tests.fakes.far_end import FarEnd, http_answer, open_far_end
from tests.fakes.names import Names

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="two loopback addresses are needed, which only Linux has"
)
LISTED, FORBIDDEN = "127.0.0.2", "127.0.0.1"
KEY = "sk-canary-of-one-tenant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """How to ask one vendor's SDK for a word, and what its server answers on the wire."""

    ask: Callable[[Egress, str], Awaitable[str | None]]
    answer: dict[str, Any]


async def ask_openai(egress: Egress, url: str) -> str | None:
    client = AsyncOpenAI(api_key=KEY, base_url=url, http_client=egress.httpx2, max_retries=0)
    async with client:
        answer = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )
    return answer.choices[0].message.content


async def ask_anthropic(egress: Egress, url: str) -> str | None:
    client = AsyncAnthropic(api_key=KEY, base_url=url, http_client=egress.httpx2, max_retries=0)
    async with client:
        answer = await client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        )
    block = answer.content[0]
    assert block.type == "text"
    return block.text


async def ask_google(egress: Egress, url: str) -> str | None:
    context = {"verify": egress.ssl_context}
    options = HttpOptions(
        base_url=url,
        httpx_async_client=egress.httpx,
        httpx_client=egress.blocking_httpx,
        client_args=context,
        async_client_args=context,
    )
    async with genai.Client(api_key=KEY, http_options=options).aio as client:
        answer = await client.models.generate_content(model="m", contents="hi")
    return answer.text


OPENAI = Sdk(
    ask=ask_openai,
    answer={
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "hello"},
            }
        ],
    },
)
ANTHROPIC = Sdk(
    ask=ask_anthropic,
    answer={
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
)
GOOGLE = Sdk(
    ask=ask_google,
    answer={"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}}]},
)
EACH = pytest.mark.parametrize(
    "sdk", [OPENAI, ANTHROPIC, GOOGLE], ids=["openai", "anthropic", "google"]
)
REFUSALS = (OpenAIConnectionError, AnthropicConnectionError, EgressBlocked)
REDIRECTS = (OpenAIStatusError, AnthropicStatusError, GoogleStatusError, httpx.HTTPStatusError)


@asynccontextmanager
async def egress_to_listed(names: Names) -> AsyncIterator[Egress]:
    rules = EgressRules(allow_networks=parse_networks(LISTED))
    async with open_egress(rules, resolver=names.resolve) as egress:
        yield egress


@pytest.fixture
async def forbidden() -> AsyncIterator[FarEnd]:
    async with open_far_end(FORBIDDEN) as far:
        yield far
        assert far.connections == 0


@EACH
async def test_a_listed_server_answers_again_and_again(sdk: Sdk) -> None:
    async with (
        open_far_end(LISTED, answer=http_answer(sdk.answer)) as far,
        egress_to_listed(Names(own=[[LISTED]])) as egress,
    ):
        first = await sdk.ask(egress, f"http://own.example:{far.port}")
        second = await sdk.ask(egress, f"http://own.example:{far.port}")

    assert (first, second) == ("hello", "hello")
    assert all(KEY in str(request.headers) for request in far.requests)


@EACH
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.1:{port}",
        "http://[::ffff:127.0.0.1]:{port}",
        "http://127.0.0.2@127.0.0.1:{port}",
        "http://inside.example:{port}",
        "https://inside.example",
        "https://metadata.example",
        "http://public.example",
    ],
)
async def test_no_sdk_reaches_inside(sdk: Sdk, url: str, forbidden: FarEnd) -> None:
    names = Names(
        inside=[[FORBIDDEN]], metadata=[["8.8.8.8", "169.254.169.254"]], public=[["8.8.8.8"]]
    )

    async with egress_to_listed(names) as egress:
        with pytest.raises(REFUSALS) as failure:
            await sdk.ask(egress, url.format(port=forbidden.port))

    assert isinstance(failure.value, EgressBlocked) or isinstance(
        failure.value.__cause__, EgressBlocked
    )


@EACH
async def test_no_sdk_follows_a_redirect_inside(sdk: Sdk, forbidden: FarEnd) -> None:
    inside = http_answer(
        status="307 Temporary Redirect", location=f"http://{FORBIDDEN}:{forbidden.port}/"
    )

    async with (
        open_far_end(LISTED, answer=inside) as far,
        egress_to_listed(Names()) as egress,
    ):
        with pytest.raises(REDIRECTS):
            await sdk.ask(egress, f"http://{LISTED}:{far.port}")


@EACH
async def test_no_sdk_is_led_inside_by_a_name_that_changes_its_mind(
    sdk: Sdk, forbidden: FarEnd
) -> None:
    answer = http_answer(sdk.answer, connection="close")

    async with (
        open_far_end(LISTED, answer=answer) as far,
        egress_to_listed(Names(rebinding=[[LISTED], [FORBIDDEN]])) as egress,
    ):
        assert await sdk.ask(egress, f"http://rebinding.example:{far.port}") == "hello"
        with pytest.raises(REFUSALS):
            await sdk.ask(egress, f"http://rebinding.example:{forbidden.port}")
