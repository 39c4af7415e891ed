"""What bounds a run: its client's wish when it goes away, its time, its size, and room."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cadence.config.settings import RateSettings, RunSettings
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, create_organization, log_in, open_http
from tests.fixtures.orchestrators import Bot, SseEvent, create_bot
from tests.fixtures.service import (
    SYS_ADMIN,
    UNLIMITED,
    ServerThread,
    create_sys_admin,
    settings_for,
)

STORY = "one two three four five six seven eight nine ten"
# Seconds in which the model sees that nobody listens any more.
SOON = 5.0


@pytest.fixture
async def narrow(tmp_path: Path, model: ModelServer) -> AsyncIterator[Bot]:
    """An orchestrator on a server with little room: two runs a person, 5 s and 64 KiB a run."""
    changes = {
        "run": RunSettings(max_seconds=5, max_bytes=65_536),
        "rate": RateSettings(**{**UNLIMITED, "streams_per_user": 2}),
    }
    settings = settings_for(tmp_path).model_copy(update=changes)
    await create_sys_admin(settings)
    server = ServerThread(settings)
    service = await asyncio.to_thread(server.start)
    try:
        async with open_http(service.base_url) as http:
            root = Client(http, await log_in(http, SYS_ADMIN), "none")
            bot = await create_bot(await create_organization(http, root), model.openai_url)
            # Built before its first run, whose time this would be taken from.
            built = await bot.admin.get(f"{{org}}/orchestrators/{bot.id}/graph")
            assert built.status_code == 200, built.text
            yield bot
    finally:
        await asyncio.to_thread(server.stop)


async def _leave(bot: Bot, model: ModelServer, how: str, **more: Any) -> None:
    """Ask, and go away in the middle of the answer."""
    calls = len(model.calls)
    model.script(Say("x"), Say(STORY, delay_per_word=0.2))
    body = {"instance_id": bot.id, "message": "Tell me a story", **more}
    asking = asyncio.ensure_future(bot.member.post(f"{{org}}/completion/{how}", body))
    await model.wait_for_calls(calls + 2, within=30)
    await asyncio.sleep(0.5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def _answer(bot: Bot) -> dict[str, Any]:
    """Return the newest conversation's answer, once it is stored."""
    async with asyncio.timeout(20):
        while True:
            conversations = (await bot.member.get("{org}/conversations")).json()["items"]
            place = f"{{org}}/conversations/{conversations[0]['id']}/messages"
            messages = (await bot.member.get(place)).json()["items"]
            if len(messages) > 1:
                answer: dict[str, Any] = messages[1]
                return answer
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", ["stream", "chat"])
async def test_a_lost_connection_cancels_the_run_when_its_client_wants_that(
    bot: Bot, model: ModelServer, *, how: str
) -> None:
    await _leave(bot, model, how, on_disconnect="cancel")

    await model.wait_closed(SOON)
    answer = await _answer(bot)

    assert answer["status"] == "cancelled"
    assert STORY.startswith(answer["content"])
    assert answer["content"] != STORY


@pytest.mark.parametrize("how", ["stream", "chat"])
async def test_a_lost_connection_leaves_the_run_alone_otherwise(
    bot: Bot, model: ModelServer, *, how: str
) -> None:
    await _leave(bot, model, how)

    answer = await _answer(bot)

    assert (answer["status"], answer["content"]) == ("completed", STORY)


async def test_what_becomes_of_a_lost_connection_is_one_of_two_words(bot: Bot) -> None:
    answer = await bot.chat("Hello", on_disconnect="explode")

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["on_disconnect"]


def _end_of(events: list[SseEvent]) -> tuple[list[str], str]:
    errors = [event.fields["code"] for event in events if event.name == "error"]
    return errors, events[-1].fields["outcome"]


async def test_a_run_that_takes_too_long_is_ended(narrow: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say(STORY, delay_per_word=1))

    events = await narrow.stream("Tell me a story")

    assert _end_of(events) == (["run_timeout"], "failed")
    await model.wait_closed(SOON)
    answer = await _answer(narrow)
    assert (answer["status"], answer["error_code"]) == ("failed", "run_timeout")
    assert answer["content"]
    assert STORY.startswith(answer["content"].strip())


async def test_a_run_that_says_too_much_is_ended(narrow: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say(("endless" * 30 + " ") * 500))

    events = await narrow.stream("Tell me everything")

    assert _end_of(events) == (["run_too_large"], "failed")
    assert (await _answer(narrow))["error_code"] == "run_too_large"
    model.script(Say("x"), Say("Short."))
    assert (await narrow.chat("And shorter?")).json()["message"] == "Short."


async def test_more_runs_at_once_than_a_person_may_have_are_refused(
    narrow: Bot, model: ModelServer
) -> None:
    running = []
    for number in (1, 2):
        model.script(Say("x"), Say(STORY, delay_per_word=0.2))
        running.append(asyncio.ensure_future(narrow.stream("Tell me a story")))
        await model.wait_for_calls(2 * number, within=30)

    third = await narrow.chat("Me too")

    assert third.status_code == 429
    assert third.json()["error"]["code"] == "too_many_streams"
    assert int(third.headers["Retry-After"]) > 0
    conversations = (await narrow.member.get("{org}/conversations")).json()["items"]
    assert len(conversations) == len(running)
    for events in await asyncio.gather(*running):
        assert events[-1].fields["outcome"] == "completed"
    model.script(Say("x"), Say("Now there is room."))
    assert (await narrow.chat("And now?")).status_code == 200


async def test_one_turn_after_another_is_never_too_many(narrow: Bot, model: ModelServer) -> None:
    conversation: str | None = None
    for number in range(10):
        model.script(Say("x"), Say(f"answer {number}"))
        events = await narrow.stream(f"question {number}", conversation_id=conversation)
        conversation = events[0].fields["conversation_id"]
        assert events[-1].fields["outcome"] == "completed"
