"""A server that is asked to stop lets what is under way come to its end."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, create_organization, log_in
from tests.fixtures.orchestrators import Bot, create_bot, read_events
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN


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
        member = (await sys_admin.get("{org}/members")).json()["items"]
        name = next(row["username"] for row in member if row["username"].startswith("member-"))
        again = Client(http, await log_in(http, name), bot.member.organization_id)
        messages = (await again.get(f"{{org}}/conversations/{conversation}/messages")).json()

    told = [item["content"] for item in messages["items"]]
    assert told == ["The first question", "The first answer."]
