"""Each fault reaches each real client as `fault_table` says, with the details it leaves out."""

import asyncio
import time

import anthropic
import openai
import pytest
from google.genai import errors as google_errors

from tests.fakes.model_server import (
    ContextExceeded,
    EndEarly,
    Endless,
    Fail,
    FailMidStream,
    Hang,
    InvalidArguments,
    Redirect,
    Say,
    open_model_server,
)
from tests.unit.fakes import langchain_clients as langchain
from tests.unit.fakes import sdk_clients as sdk
from tests.unit.fakes.clients import Ask, Asking
from tests.unit.fakes.every_client import Client, every_client, streaming_and_not
from tests.unit.fakes.fault_table import ADD_CALL, TABLE, Row
from tests.unit.fakes.fault_trials import trials

STREAMED = Asking(stream=True)
WHOLE = Asking(stream=False)
RATE_LIMITED: tuple[type[openai.RateLimitError | anthropic.RateLimitError], ...] = (
    openai.RateLimitError,
    anthropic.RateLimitError,
)


@pytest.mark.parametrize("row", [pytest.param(row, id=repr(row.fault)[:60]) for row in TABLE])
async def test_a_fault_raises_what_the_table_says(row: Row) -> None:
    assert await trials(row.fault) == row.complete


@every_client
@streaming_and_not
@pytest.mark.parametrize(
    "step",
    [
        pytest.param(Hang(), id="before-the-first-byte"),
        pytest.param(Endless(), id="in-the-middle"),
    ],
)
async def test_a_cancelled_call_closes_its_socket(
    client: Client, step: Hang | Endless, *, stream: bool
) -> None:
    async with open_model_server() as server:
        server.script(step)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(client.ask(server, Asking(stream=stream)))
            await server.wait_for_calls(1)
            assert server.open_streams == 1
            cancelled_at = time.monotonic()
            asking.cancel()
        await server.wait_closed(within=5)

        socket = server.calls[0].socket
        assert socket.answered_at is None
        assert socket.closed_at is not None
        assert socket.closed_at >= cancelled_at


async def test_a_wrong_openai_key_is_a_401_that_shows_its_ends() -> None:
    async with open_model_server() as server:
        server.refused_keys.add("sk-wrong-key-0123456789")

        with pytest.raises(openai.AuthenticationError) as raised:
            await sdk.ask_openai_chat(server, Asking(key="sk-wrong-key-0123456789"))

        assert raised.value.code == "invalid_api_key"
        assert raised.value.message.endswith("sk-wrong********6789.")


async def test_a_wrong_anthropic_key_is_a_401() -> None:
    async with open_model_server() as server:
        server.refused_keys.add("sk-wrong")

        with pytest.raises(anthropic.AuthenticationError) as raised:
            await sdk.ask_anthropic(server, Asking(key="sk-wrong"))

        assert raised.value.body == {
            "type": "error",
            "error": {"type": "authentication_error", "message": "invalid x-api-key"},
            "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
        }


async def test_a_wrong_google_key_is_a_400_that_says_why() -> None:
    async with open_model_server() as server:
        server.refused_keys.add("sk-wrong")

        with pytest.raises(google_errors.ClientError) as raised:
            await sdk.ask_genai(server, Asking(key="sk-wrong"))

        assert raised.value.code == 400
        assert raised.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(sdk.ask_openai_chat, id="openai-chat"),
        pytest.param(sdk.ask_openai_responses, id="openai-responses"),
        pytest.param(sdk.ask_anthropic, id="anthropic"),
    ],
)
async def test_a_limit_tells_in_a_header_how_long_to_wait(ask: Ask) -> None:
    async with open_model_server() as server:
        server.script(Fail(429, retry_after=1.5))

        with pytest.raises(RATE_LIMITED) as raised:
            await ask(server, STREAMED)

        assert raised.value.response.headers["retry-after"] == "1.5"


async def test_google_tells_in_the_details_how_long_to_wait() -> None:
    async with open_model_server() as server:
        server.script(Fail(429, retry_after=1.5))

        with pytest.raises(google_errors.ClientError) as raised:
            await sdk.ask_genai(server, STREAMED)

        assert raised.value.details["error"]["details"] == [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}
        ]
        assert "retry-after" not in raised.value.response.headers


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        pytest.param(sdk.ask_openai_chat, "maximum context length", id="openai-chat"),
        pytest.param(sdk.ask_openai_responses, "context window", id="openai-responses"),
        pytest.param(sdk.ask_anthropic, "prompt is too long", id="anthropic"),
        pytest.param(sdk.ask_genai, "exceeds the maximum number of tokens", id="google-genai"),
    ],
)
async def test_a_prompt_too_long_is_refused_in_the_providers_words(ask: Ask, words: str) -> None:
    async with open_model_server() as server:
        server.script(ContextExceeded())

        with pytest.raises(Exception, match=words):
            await ask(server, STREAMED)


async def test_a_failure_is_worded_as_the_script_says() -> None:
    async with open_model_server() as server:
        server.script(Fail(429, code="insufficient_quota", message="You have spent it all."))

        with pytest.raises(openai.RateLimitError) as raised:
            await sdk.ask_openai_chat(server, STREAMED)

        assert raised.value.body == {
            "message": "You have spent it all.",
            "type": "insufficient_quota",
            "param": None,
            "code": "insufficient_quota",
        }


async def test_an_error_event_at_anthropic_keeps_its_kind_only_in_its_body() -> None:
    async with open_model_server() as server:
        server.script(FailMidStream(status=529))

        with pytest.raises(anthropic.APIStatusError) as raised:
            await sdk.ask_anthropic(server, STREAMED)

        assert raised.value.status_code == 200
        assert "overloaded_error" in str(raised.value.body)


async def test_half_a_tool_call_looks_whole_to_langchain_but_for_its_finish_reason() -> None:
    async with open_model_server() as server:
        server.script(EndEarly(2, of=ADD_CALL))

        heard = await langchain.ask_chat_openai(server, STREAMED)

        assert [call[1] for call in heard.calls] == ["add"]
        assert heard.calls[0][2] != {"a": 12, "b": 34}
        assert "finish_reason" not in heard.memory.response_metadata


async def test_broken_arguments_are_repaired_in_a_stream_and_kept_apart_otherwise() -> None:
    async with open_model_server() as server:
        server.script(InvalidArguments('{"a": 1, "b":'), InvalidArguments('{"a": 1, "b":'))

        streamed = await langchain.ask_chat_openai(server, STREAMED)
        whole = await langchain.ask_chat_openai(server, WHOLE)

        assert [call[1:] for call in streamed.calls] == [("add", {"a": 1})]
        assert whole.calls == ()
        assert whole.memory.invalid_tool_calls[0]["args"] == '{"a": 1, "b":'


async def test_text_that_is_no_unicode_arrives_as_it_was_sent() -> None:
    async with open_model_server() as server:
        server.script(Say("a\x00b \ud800 c"), Say("a\x00b \ud800 c"))

        for asking in (STREAMED, WHOLE):
            heard = await sdk.ask_anthropic(server, asking)
            assert heard.text == "a\x00b \ud800 c"


async def test_a_client_left_to_itself_follows_a_redirect() -> None:
    async with open_model_server() as attacked, open_model_server() as server:
        server.script(Redirect(f"{attacked.openai_url}/chat/completions"))
        attacked.script(Say("Caught."))

        heard = await sdk.ask_openai_chat(server, STREAMED)

        assert heard.text == "Caught."
        assert attacked.calls[0].user_text == STREAMED.question
