"""A completion that is sent twice with one `Idempotency-Key` is one run, whoever asks how."""

import asyncio
import secrets
from typing import Any

import httpx
import pytest

from tests.fakes.model_server import Fail, ModelServer, Say
from tests.fixtures.clients import Client
from tests.fixtures.orchestrators import Bot, read_events

QUESTION = "Tell me once"


def _key() -> dict[str, str]:
    return {"Idempotency-Key": f"key {secrets.token_hex(8)}"}


async def _send(
    bot: Bot, how: str, headers: dict[str, str], *, who: Client | None = None, **more: Any
) -> httpx.Response:
    body = {"instance_id": bot.id, "message": QUESTION, **more}
    return await (who or bot.member).post(f"{{org}}/completion/{how}", body, headers=headers)


async def _stored(bot: Bot) -> list[tuple[str, str]]:
    told = []
    for conversation in (await bot.member.get("{org}/conversations")).json()["items"]:
        place = f"{{org}}/conversations/{conversation['id']}/messages"
        messages = (await bot.member.get(place)).json()["items"]
        told += [(message["role"], message["content"]) for message in messages]
    return told


async def test_a_chat_sent_again_gets_the_same_answer(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("Only once."))
    key = _key()

    first, second = await _send(bot, "chat", key), await _send(bot, "chat", key)

    assert first.status_code == second.status_code == 200
    assert second.json() == first.json()
    assert await _stored(bot) == [("user", QUESTION), ("assistant", "Only once.")]


async def test_a_stream_sent_again_is_replayed(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("Only once."))
    key = _key()

    first, second = await _send(bot, "stream", key), await _send(bot, "stream", key)

    assert read_events(second) == read_events(first)
    assert second.headers["Cadence-Run-Id"] == first.headers["Cadence-Run-Id"]
    assert await _stored(bot) == [("user", QUESTION), ("assistant", "Only once.")]


async def test_one_that_is_sent_while_the_first_is_answered_joins_it(
    bot: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("one two three four", delay_per_word=0.2))
    key = _key()

    answers = await asyncio.gather(
        _send(bot, "chat", key), _send(bot, "chat", key), _send(bot, "stream", key)
    )

    assert [answer.status_code for answer in answers] == [200] * 3
    assert answers[0].json() == answers[1].json()
    run = answers[0].json()["run_id"]
    assert answers[2].headers["Cadence-Run-Id"] == run
    assert await _stored(bot) == [("user", QUESTION), ("assistant", "one two three four")]


async def test_a_failed_chat_sent_again_fails_the_same(bot: Bot, model: ModelServer) -> None:
    model.script(Fail(401))
    key = _key()

    first, second = await _send(bot, "chat", key), await _send(bot, "chat", key)

    assert first.status_code == second.status_code == 502
    told = [answer.json()["error"] for answer in (first, second)]
    assert told[0]["code"] == told[1]["code"] == "model_authentication_failed"
    assert told[0]["message"] == told[1]["message"]


async def test_a_key_with_another_body_is_refused(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("Only once."))
    key = _key()
    await _send(bot, "chat", key)

    other = await _send(bot, "chat", key, on_disconnect="cancel")

    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_key_reused"


async def test_a_request_that_was_refused_leaves_its_key_free(bot: Bot, model: ModelServer) -> None:
    key = _key()
    unknown = "0190a1b2-0000-7000-8000-000000000000"
    assert (await _send(bot, "chat", key, instance_id=unknown)).status_code == 404
    model.script(Say("x"), Say("Now it works."))

    answer = await _send(bot, "chat", key)

    assert answer.status_code == 200


async def test_a_key_is_its_owners_own(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("For the member."), Say("x"), Say("For the admin."))
    key = _key()

    members = await _send(bot, "chat", key)
    admins = await _send(bot, "chat", key, who=bot.admin)

    assert members.json()["message"] == "For the member."
    assert admins.json()["message"] == "For the admin."


async def test_without_a_key_every_request_is_a_run(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("one"), Say("x"), Say("two"))

    answers = [await _send(bot, "chat", {}) for _ in range(2)]

    assert [answer.json()["message"] for answer in answers] == ["one", "two"]


@pytest.mark.parametrize("key", ["", "x" * 256, "k\u00e9y".encode("latin-1")])
async def test_a_key_that_is_none_is_refused_with_its_name(bot: Bot, key: Any) -> None:
    answer = await _send(bot, "chat", {"Idempotency-Key": key})

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["Idempotency-Key"]
