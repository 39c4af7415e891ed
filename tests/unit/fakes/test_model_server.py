"""How a test scripts the model server, what the server remembers, and when it complains."""

import asyncio
import time
from typing import Any

import httpx2
import openai
import pytest

from tests.fakes.model_server import (
    Call,
    Endless,
    Hang,
    ModelRequest,
    ModelServer,
    RefuseKey,
    Say,
    ScriptNotFollowed,
    Step,
    UnknownTool,
    open_model_server,
)
from tests.unit.fakes import sdk_clients as sdk
from tests.unit.fakes.clients import Asking

ASKED = Asking(question="What time is it?")
CHAT = "/v1/chat/completions"
USER = {"role": "user", "content": "Hi"}


def echo(request: ModelRequest) -> Step:
    return Say(f"{request.api_key} said {request.user_text}")


def raise_lookup_error(request: ModelRequest) -> Step:
    raise LookupError(request.user_text)


async def post(server: ModelServer, path: str, body: dict[str, Any]) -> httpx2.Response:
    async with httpx2.AsyncClient(verify=sdk.TRUSTS_NOBODY) as client:
        return await client.post(server.base_url + path, json=body)


async def test_steps_are_taken_in_order_on_whatever_wire() -> None:
    async with open_model_server() as server:
        server.script(Say("one"), Say("two"))
        server.script(Say("three"))

        heard = [
            await sdk.ask_openai_chat(server, ASKED),
            await sdk.ask_anthropic(server, ASKED),
            await sdk.ask_genai(server, ASKED),
        ]

        assert [each.text for each in heard] == ["one", "two", "three"]
        assert [call.number for call in server.calls] == [1, 2, 3]


async def leave_a_step_unused() -> None:
    async with open_model_server() as server:
        server.script(Say("one"), Say("two"))
        await sdk.ask_openai_chat(server, ASKED)


async def test_unused_steps_are_an_error_when_the_server_is_left() -> None:
    with pytest.raises(ScriptNotFollowed, match=r"unused: Say\(text='two'"):
        await leave_a_step_unused()


async def call_once_too_often() -> None:
    async with open_model_server() as server:
        with pytest.raises(openai.InternalServerError):
            await sdk.ask_openai_chat(server, ASKED)


async def test_a_call_without_a_step_fails_and_is_an_error_when_the_server_is_left() -> None:
    with pytest.raises(ScriptNotFollowed, match=r"call 1 .*What time is it.*no step was left"):
        await call_once_too_often()


async def test_a_lenient_server_lets_both_pass() -> None:
    async with open_model_server(strict=False) as server:
        with pytest.raises(openai.InternalServerError):
            await sdk.ask_openai_chat(server, ASKED)
        server.script(Say("one"))

        assert server.unused == [Say("one")]
        assert len(server.problems) == 1


async def fail_by_an_unexpected_answer() -> None:
    async with open_model_server() as server:
        await sdk.ask_openai_chat(server, ASKED)


async def test_a_failing_test_learns_what_the_server_had_to_complain_about() -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        await fail_by_an_unexpected_answer()

    assert "no step was left" in raised.value.__notes__[0]


async def test_an_answer_by_content_comes_after_the_queue() -> None:
    async with open_model_server() as server:
        server.respond(echo)
        server.script(Say("scripted"))

        first = await sdk.ask_openai_chat(server, ASKED)
        second = await sdk.ask_openai_chat(server, Asking(question="Hello", key="sk-b"))

        assert first.text == "scripted"
        assert second.text == "sk-b said Hello"


async def test_an_answer_by_content_that_raises_is_reported() -> None:
    async with open_model_server(strict=False) as server:
        server.respond(raise_lookup_error)

        with pytest.raises(openai.InternalServerError):
            await sdk.ask_openai_chat(server, ASKED)

        with pytest.raises(ScriptNotFollowed, match=r"respond\(\) raised LookupError"):
            server.check()


async def test_tenants_at_once_have_queues_of_their_own() -> None:
    keys = [f"sk-tenant-{number}" for number in range(5)]
    async with open_model_server() as server:
        for key in keys:
            server.script_for(key, Say(f"first of {key}"), Say(f"second of {key}"))
        server.script(Say("for everyone else"))

        async def ask_twice(key: str) -> list[str]:
            return [(await sdk.ask_openai_chat(server, Asking(key=key))).text for _ in range(2)]

        told = await asyncio.gather(*(ask_twice(key) for key in keys))
        other = await sdk.ask_openai_chat(server, Asking(key="sk-other"))

        assert told == [[f"first of {key}", f"second of {key}"] for key in keys]
        assert other.text == "for everyone else"


async def test_a_key_with_a_queue_takes_no_step_of_the_others() -> None:
    async with open_model_server(strict=False) as server:
        server.script_for("sk-own", Say("own"))
        server.script(Say("shared"))

        await sdk.ask_openai_chat(server, Asking(key="sk-own"))
        with pytest.raises(openai.InternalServerError):
            await sdk.ask_openai_chat(server, Asking(key="sk-own"))

        assert server.unused == [Say("shared")]


async def test_a_refused_key_takes_no_step() -> None:
    async with open_model_server() as server:
        server.refused_keys.add("sk-wrong")
        server.script(Say("right"))

        with pytest.raises(openai.AuthenticationError):
            await sdk.ask_openai_chat(server, Asking(key="sk-wrong"))
        heard = await sdk.ask_openai_chat(server, Asking(key="sk-right"))

        assert heard.text == "right"
        assert [call.api_key for call in server.calls] == ["sk-wrong", "sk-right"]


async def test_one_call_can_be_refused_by_the_script() -> None:
    async with open_model_server() as server:
        server.script(RefuseKey(), Say("never mind"))

        with pytest.raises(openai.AuthenticationError):
            await sdk.ask_openai_chat(server, ASKED)
        heard = await sdk.ask_openai_chat(server, ASKED)

        assert heard.text == "never mind"


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        pytest.param(Call(("subtract", {})), r"\['subtract'\] are not offered", id="stranger"),
        pytest.param(UnknownTool("add"), "the tool add is offered", id="no-stranger"),
    ],
)
async def test_a_step_that_does_not_fit_the_request_is_reported(step: Step, complaint: str) -> None:
    async with open_model_server(strict=False) as server:
        server.script(step)

        with pytest.raises(openai.InternalServerError):
            await sdk.ask_openai_chat(server, ASKED)

        with pytest.raises(ScriptNotFollowed, match=complaint):
            server.check()


async def test_an_address_where_no_wire_is_spoken_answers_404_and_is_reported() -> None:
    async with open_model_server(strict=False) as server:
        answer = await post(server, "/v2/chat/completions", {"messages": [USER]})

        assert answer.status_code == 404
        assert server.problems == ["no wire is spoken at POST /v2/chat/completions"]
        assert server.calls == []


async def test_a_blocked_event_loop_still_gets_its_answer() -> None:
    async with open_model_server() as server:
        server.script(Say("Still here."))

        with openai.OpenAI(base_url=server.openai_url, api_key="sk", max_retries=0) as client:
            answer = client.chat.completions.create(
                model="gpt-test", messages=[{"role": "user", "content": "Are you there?"}]
            )

        assert answer.choices[0].message.content == "Still here."


async def test_a_second_call_on_one_client_uses_the_same_socket() -> None:
    async with open_model_server() as server:
        server.script(Say("one"), Say("two"))
        body = {"messages": [USER], "stream": True}

        async with httpx2.AsyncClient(verify=sdk.TRUSTS_NOBODY) as client:
            await client.post(server.base_url + CHAT, json=body)
            await client.post(server.base_url + CHAT, json=body)
            assert server.open_sockets == 1
            assert server.open_streams == 0
        await server.wait_closed(within=5, idle_too=True)

        first, second = (call.socket for call in server.calls)
        assert first.answered_at is not None
        assert first.closed_at is not None
        assert first.closed_at == second.closed_at
        assert first.asked_at <= first.answered_at <= second.asked_at <= first.closed_at


async def test_waiting_for_a_socket_that_stays_open_says_what_is_open() -> None:
    async with open_model_server() as server, asyncio.TaskGroup() as group:
        server.script(Hang())
        asking = group.create_task(sdk.ask_openai_chat(server, ASKED))
        await server.wait_for_calls(1)

        with pytest.raises(AssertionError, match="1 calls are being answered and 1 sockets"):
            await server.wait_closed(within=0.05)

        asking.cancel()


async def test_waiting_for_calls_that_do_not_come_says_how_many_came() -> None:
    async with open_model_server() as server:
        with pytest.raises(AssertionError, match=r"0 of 1 calls came in 0\.05 s"):
            await server.wait_for_calls(1, within=0.05)


async def test_leaving_the_server_ends_every_answer() -> None:
    async with asyncio.TaskGroup() as group, open_model_server() as server:
        server.script(Hang(), Endless())
        hanging = group.create_task(_error_of(server))
        endless = group.create_task(_error_of(server))
        await server.wait_for_calls(2)

    assert hanging.result() == endless.result() == "APIConnectionError"


async def _error_of(server: ModelServer) -> str:
    try:
        await sdk.ask_openai_chat(server, ASKED)
    except openai.APIError as error:
        return type(error).__name__
    return "none"


@pytest.mark.parametrize(
    "stream", [pytest.param(True, id="streaming"), pytest.param(False, id="whole")]
)
async def test_words_take_the_time_they_are_given(*, stream: bool) -> None:
    async with open_model_server() as server:
        server.script(Say("a b c", delay_per_word=0.05))
        began = time.monotonic()

        await sdk.ask_openai_chat(server, Asking(stream=stream))

        # A lower bound: three sleeps of 50 ms, less the clock's grain.
        assert time.monotonic() - began > 0.14


async def test_a_stream_gives_usage_only_to_those_who_ask() -> None:
    async with open_model_server() as server:
        server.script(Say("a"), Say("a"))
        body: dict[str, Any] = {"messages": [USER], "stream": True}

        silent = await post(server, CHAT, body)
        telling = await post(server, CHAT, {**body, "stream_options": {"include_usage": True}})

        assert "usage" not in silent.text
        assert '"prompt_tokens": 11' in telling.text


async def test_a_cookie_is_set_as_the_real_address_does_and_its_return_is_seen() -> None:
    async with open_model_server() as server:
        server.script(Say("a"), Say("b"))

        async with httpx2.AsyncClient(verify=sdk.TRUSTS_NOBODY) as client:
            for _ in range(2):
                await client.post(server.base_url + CHAT, json={"messages": [USER]})

        assert "cookie" not in server.calls[0].headers
        assert server.calls[1].headers["cookie"] == "_cfuvid=visitor-1"
