"""A server that is asked to stop lets what is under way come to its end."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, create_organization, log_in
from tests.fixtures.counting import Asked, Counting
from tests.fixtures.fleet_scene import open_client
from tests.fixtures.following import Door, Follower, told
from tests.fixtures.orchestrators import Bot, create_bot, read_events
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN

# SECURITY.md §7.1, in seconds.
STOPPED_WITHIN = 30
# Turns that end in the time that they are given, and others that do not, at two words a second.
STREAMS = range(1, 5)
SHORT, LONG = 10, 200
REFUSED_AFTER = 0.5


def _start(processes: Processes, root: Path) -> ServeProcess:
    environment = {"CADENCE_STORAGE_ROOT": str(root)}
    processes.run(
        "bootstrap", "--username", SYS_ADMIN, "--password", PASSWORD, environment=environment
    )
    return processes.serve(environment)


async def _compose(http: httpx.AsyncClient, model: ModelServer) -> Bot:
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
    return await create_bot(await create_organization(http, sys_admin), model.openai_url)


@pytest.mark.slow
async def test_a_stream_under_way_ends_in_order_when_the_server_stops(
    processes: Processes, model: ModelServer, tmp_path: Path
) -> None:
    server = _start(processes, tmp_path / "stores")
    async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as http:
        bot = await _compose(http, model)
        model.script(Say("x"), Say("one two three four five six", delay_per_word=0.4))
        turn = asyncio.ensure_future(
            bot.member.post("{org}/completion/stream", {"instance_id": bot.id, "message": "Go"})
        )
        while len(model.calls) < 2 and not turn.done():  # noqa: ASYNC110  # another thread counts
            await asyncio.sleep(0.02)

        code = await asyncio.to_thread(server.stop)
        events = read_events(await turn)

    assert code == 0
    assert events[-1].fields["outcome"] == "completed"
    told = "".join(event.fields["content"] for event in events if event.name == "message")
    assert told == "one two three four five six"


@pytest.mark.slow
async def test_a_run_that_takes_too_long_to_end_is_interrupted_when_the_server_stops(
    processes: Processes, model: ModelServer, tmp_path: Path
) -> None:
    server = _start(processes, tmp_path / "stores")
    async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as http:
        bot = await _compose(http, model)
        model.script(Say("x"), Say("word " * 60, delay_per_word=1))
        turn = asyncio.ensure_future(bot.stream("Go on and on"))
        await model.wait_for_calls(2, within=30)
        started = asyncio.get_running_loop().time()

        code = await asyncio.to_thread(server.stop)
        took = asyncio.get_running_loop().time() - started
        events = await turn

    assert code == 0
    assert took < STOPPED_WITHIN
    errors = [event.fields for event in events if event.name == "error"]
    assert [(error["code"], error["retryable"]) for error in errors] == [("run_interrupted", True)]
    assert events[-1].fields["outcome"] == "failed"
    told = "".join(event.fields["content"] for event in events if event.name == "message")
    assert await _stored_answer(server, bot) == ("interrupted", told)
    assert told.startswith("word word")


@pytest.mark.slow
async def test_all_streams_hear_the_end_while_no_other_one_begins(
    processes: Processes, model: ModelServer, tmp_path: Path
) -> None:
    counting, server = Counting(), _start(processes, tmp_path / "stores")
    model.respond(counting.act)
    async with open_client(server.base_url) as http:
        bot = await _compose(http, model)
        door = Door(http, bot.member.token, bot.member.organization_id)
        # Half of them end by themselves in the time that they are given.
        asked = [Asked(number=n, words=SHORT if n % 2 else LONG, pause_ms=500) for n in STREAMS]
        readers = [
            Follower(body={"instance_id": bot.id, "message": each.message}, answer=each.answer)
            for each in asked
        ]
        async with asyncio.TaskGroup() as tasks:
            for reader in readers:
                tasks.create_task(reader.read(door))
            while not all(told(reader.events) for reader in readers):  # noqa: ASYNC110  # counted
                await asyncio.sleep(0.02)
            stopping = tasks.create_task(asyncio.to_thread(server.stop))
            await asyncio.sleep(REFUSED_AFTER)
            async with open_client(server.base_url) as stranger:
                late = Door(stranger, bot.member.token, bot.member.organization_id)
                assert await _is_refused(late, readers[0].body)

    assert stopping.result() == 0
    for each, reader in zip(asked, readers, strict=True):
        if each.words == SHORT:
            reader.check_whole()
        else:
            reader.check_interrupted()


async def _is_refused(door: Door, body: dict[str, Any]) -> bool:
    """Whether a turn that is begun now finds nobody, or one who says why."""
    try:
        answer = await door.member.post("{org}/completion/stream", body)
    except httpx.TransportError:
        return True
    return answer.status_code == 503 and answer.json()["error"]["code"] == "shutting_down"


async def _stored_answer(server: ServeProcess, bot: Bot) -> tuple[str, str]:
    """Start the server again and return the status and the words of the newest answer."""
    server.start()
    async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as http:
        member = await _log_in_again(http, bot)
        conversation = (await member.get("{org}/conversations")).json()["items"][0]["id"]
        messages = (await member.get(f"{{org}}/conversations/{conversation}/messages")).json()
    answer = messages["items"][1]
    return answer["status"], answer["content"]


async def _log_in_again(http: httpx.AsyncClient, bot: Bot) -> Client:
    """Return the bot's member, whose session ended with the server."""
    organization_id = bot.member.organization_id
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), organization_id)
    people = (await sys_admin.get("{org}/members")).json()["items"]
    name = next(row["username"] for row in people if row["username"].startswith("member-"))
    return Client(http, await log_in(http, name), organization_id)


@pytest.mark.slow
async def test_what_was_answered_is_there_after_a_restart(
    processes: Processes, model: ModelServer, tmp_path: Path
) -> None:
    server = _start(processes, tmp_path / "stores")
    async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as http:
        bot = await _compose(http, model)
        model.script(Say("x"), Say("The first answer."))
        conversation = (await bot.chat("The first question")).json()["conversation_id"]
        server.kill()
        server.start()
        sys_admin = Client(http, await log_in(http, SYS_ADMIN), bot.member.organization_id)
        kept = await sys_admin.get(f"{{org}}/orchestrators/{bot.id}")
        assert kept.status_code == 200
        again = await _log_in_again(http, bot)
        messages = (await again.get(f"{{org}}/conversations/{conversation}/messages")).json()

    told = [item["content"] for item in messages["items"]]
    assert told == ["The first question", "The first answer."]
