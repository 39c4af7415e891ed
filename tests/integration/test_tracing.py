"""A turn of a real process, as its collector and its log see it."""

import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.fakes.model_server import Call, ModelServer, Say
from tests.fakes.otlp_collector import open_collector
from tests.fixtures.clients import Client, create_organization, log_in, open_http
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN

pytestmark = pytest.mark.slow

TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"
QUESTION = "Kq7greet Ada"
# Of every line that is about a turn.
ABOUT = ("request_id", "organization_id", "instance_id")


def serve(processes: Processes, endpoint: str) -> ServeProcess:
    environment = {
        "CADENCE_STORAGE_ROOT": str(processes.folder / "var"),
        "CADENCE_LOG_FORMAT": "json",
        "CADENCE_TRACE_ENDPOINT": endpoint,
        "CADENCE_TRACE_HEADERS": "x-api-key=Kq7collector",
    }
    first = ("bootstrap", "--username", SYS_ADMIN, "--password", PASSWORD)
    processes.run(*first, environment=environment)
    return processes.serve(environment)


@asynccontextmanager
async def composed(server: ServeProcess, model: ModelServer) -> AsyncIterator[Bot]:
    async with open_http(server.base_url) as http:
        sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
        yield await create_bot(await create_organization(http, sys_admin), model.openai_url)


async def ask(bot: Bot, model: ModelServer, headers: Mapping[str, str]) -> httpx.Response:
    model.script(Call(("com_acme_tools_greet", {"name": "Ada"})), Say("x"), Say("Kq7greeted."))
    answer = await bot.member.post(
        "{org}/completion/chat", {"instance_id": bot.id, "message": QUESTION}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    return answer


def lines(server: ServeProcess, event: str) -> list[dict[str, Any]]:
    read = (json.loads(line) for line in server.written.splitlines())
    return [line for line in read if line["event"] == event]


async def test_a_turn_is_traced_below_its_caller_and_logged_with_what_it_is_about(
    processes: Processes, model: ModelServer
) -> None:
    async with open_collector() as collector:
        server = serve(processes, collector.endpoint)
        async with composed(server, model) as bot:
            answer = await ask(bot, model, {"traceparent": TRACEPARENT})
        assert server.stop() == 0

    root = collector.named(f"invoke_agent {bot.id}")
    told = root.attributes
    assert (root.trace_id, root.parent_id) == ("a" * 32, "b" * 16)
    assert told["cadence.request_id"] == answer.headers["X-Request-Id"]
    assert told["cadence.organization_id"] == bot.member.organization_id
    assert told["cadence.run_id"] == answer.json()["run_id"]
    assert told["gen_ai.conversation.id"] == answer.json()["conversation_id"]
    assert told["cadence.model_calls"] == len(model.calls)
    assert {span.name for span in collector.spans} >= {
        "chat scripted",
        "execute_tool com.acme.tools.greet",
    }
    assert all(each.headers["x-api-key"] == "Kq7collector" for each in collector.requests)
    (line,) = (
        line
        for line in lines(server, "request_answered")
        if line["route"] == "/api/orgs/{org}/completion/chat"
    )
    expected = (answer.headers["X-Request-Id"], bot.member.organization_id, bot.id)
    assert tuple(line[name] for name in ABOUT) == expected
    for written in (server.written, str(collector.spans)):
        assert "Kq7" not in written


async def test_a_turn_does_not_notice_that_the_collector_is_away(
    processes: Processes, model: ModelServer
) -> None:
    with socket.socket() as deaf:
        # Bound and never listening, so that every connection is refused.
        deaf.bind(("127.0.0.1", 0))
        server = serve(processes, f"http://127.0.0.1:{deaf.getsockname()[1]}")
        async with composed(server, model) as bot:
            for _ in range(2):
                await ask(bot, model, {})
        assert server.stop() == 0

    assert len(lines(server, "traces_lost")) == 1
