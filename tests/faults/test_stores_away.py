"""Stores that go away and come back: 503 in between, nothing else, and good again soon after."""

import asyncio
import itertools
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis
from sqlalchemy import text
from typing_extensions import override

from cadence.infra.database.engine import open_database
from cadence.infra.secrets.keyring import generate_key
from tests.factories.plugins import tools_plugin
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, create_organization, log_in
from tests.fixtures.crowd import (
    ASKING,
    AWAY,
    PAUSE,
    POSTGRES_BACK_WITHIN,
    REDIS_BACK_WITHIN,
    Crowd,
    asking,
    good_again,
    member_of,
    require_refused,
)
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.processes import READY_WITHIN, Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN, unused_port
from tests.fixtures.stoppable_stores import Stoppable, open_postgres_server, open_redis_server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stores away"), pytest.mark.timeout(300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One process of the service, on a Redis and a PostgreSQL that can be stopped."""

    server: ServeProcess
    redis: Stoppable
    redis_url: str
    postgres: Stoppable
    database_url: str
    packages: Path

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.server.base_url, timeout=30) as http:
            yield http

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.server.written.splitlines() if line[:1] == "{"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    processes = Processes(folder)
    with (
        open_redis_server(folder) as (redis, redis_url),
        open_postgres_server() as (postgres, postgres_url),
    ):
        asyncio.run(_create_database(postgres_url))
        environment = {
            "CADENCE_POSTGRES_URL": f"{postgres_url}/cadence",
            "CADENCE_REDIS_URL": redis_url,
            "CADENCE_STORAGE_ROOT": str(folder / "var"),
            "CADENCE_SECRET_KEY": generate_key(),
            "CADENCE_ENCRYPTION_KEYS": f"k1:{generate_key()}",
            "CADENCE_LOG_FORMAT": "json",
            "CADENCE_RATE_USER_PER_MINUTE": "1000000",
            "CADENCE_RATE_ORGANIZATION_PER_MINUTE": "1000000",
            "CADENCE_RATE_WRITE_PER_MINUTE": "1000000",
            "CADENCE_RATE_UPLOAD_PER_MINUTE": "1000000",
            "CADENCE_RATE_COMPLETION_PER_MINUTE": "1000000",
            "CADENCE_RATE_LOGIN_PER_NAME_AND_ADDRESS": "1000",
            "CADENCE_RATE_LOGIN_PER_ADDRESS": "1000",
        }
        try:
            processes.run("migrate", environment=environment)
            person = ("--username", SYS_ADMIN, "--password", PASSWORD)
            processes.run("bootstrap", *person, environment=environment)
            yield Stage(
                server=processes.serve(environment),
                redis=redis,
                redis_url=redis_url,
                postgres=postgres,
                database_url=environment["CADENCE_POSTGRES_URL"],
                packages=folder / "var" / "objects" / "plugins",
            )
        finally:
            processes.close()


async def _create_database(server: str) -> None:
    async with open_database(f"{server}/postgres", pool_size=1) as engine:
        outside = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with outside.connect() as connection:
            await connection.execute(text("CREATE DATABASE cadence"))


async def test_while_redis_is_away_everything_is_refused_and_good_soon_after(stage: Stage) -> None:
    async with stage.connect() as http, asking(await member_of(http)) as crowd:
        stage.redis.stop()
        gone = time.monotonic()
        await asyncio.sleep(AWAY)
        login = await http.post("/api/auth/login", json={"username": "x", "password": "y" * 12})
        await asyncio.to_thread(stage.redis.start)
        back = time.monotonic()
        await good_again(crowd, within=REDIS_BACK_WITHIN)

    # The token of before is the one that `good_again` asked with: the session has survived.
    require_refused(crowd.between(gone, back - 1))
    assert {each.status for each in crowd.told} == {200, 503}
    assert login.status_code in {401, 503}, "nobody is let in without a session"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_while_postgresql_is_away_everything_is_refused_and_good_soon_after(
    stage: Stage, number: signal.Signals
) -> None:
    async with stage.connect() as http, asking(await member_of(http)) as crowd:
        stage.postgres.stop(number)
        gone = time.monotonic()
        await asyncio.sleep(AWAY)
        login = await http.post("/api/auth/login", json={"username": "x", "password": "y" * 12})
        back = time.monotonic()
        await asyncio.to_thread(stage.postgres.start)
        await good_again(crowd, within=POSTGRES_BACK_WITHIN)

    require_refused(crowd.between(gone, back))
    assert {each.status for each in crowd.told} == {200, 503}
    assert login.status_code == 503
    assert login.json()["error"]["code"] == "store_unavailable"


async def test_a_redis_that_answers_nothing_counts_as_away(stage: Stage) -> None:
    async with stage.connect() as http, asking(await member_of(http)) as crowd:
        with stage.redis.frozen():
            gone = time.monotonic()
            await asyncio.sleep(AWAY)
            back = time.monotonic()
        await good_again(crowd, within=REDIS_BACK_WITHIN)

    require_refused(crowd.between(gone, back))


async def test_a_postgresql_that_answers_nothing_keeps_nobody_for_ever(stage: Stage) -> None:
    async with stage.connect() as http:
        member = await member_of(http)
        with stage.postgres.frozen():
            answer = await member.get("/api/me")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "store_unavailable"
        assert (await member.get("/api/me")).status_code == 200


async def test_after_a_flush_everybody_is_logged_out_and_can_log_in_again(stage: Stage) -> None:
    async with stage.connect() as http:
        member = await member_of(http)
        crowd = Crowd(member)
        assert await crowd.is_good()
        with Redis.from_url(stage.redis_url) as redis:
            redis.flushall()

        refused = [(await crowd.ask(number)).status for number in range(ASKING)]
        again = Client(http, await log_in(http, SYS_ADMIN), "none")

        members = (await again.elsewhere(member.organization_id).get("{org}/members")).json()
        names = [row["username"] for row in members["items"]]
        name = next(name for name in names if name.startswith("member-"))
        same = Client(http, await log_in(http, name), member.organization_id)

        assert refused == [401] * ASKING
        assert (await again.get("/api/admin/users")).status_code == 200
        assert (await same.get("{org}/conversations")).status_code == 200
        assert (await same.get("/api/admin/users")).status_code == 403, "nobody has risen"


async def test_the_log_names_the_store_once_for_each_refused_request(stage: Stage) -> None:
    async with stage.connect() as http:
        member = await member_of(http)
        stage.redis.stop()
        refused = [await member.get("/api/me") for _ in range(3)]
        await asyncio.to_thread(stage.redis.start)
        stage.postgres.stop(signal.SIGINT)
        refused.append(await member.get("/api/me"))
        await asyncio.to_thread(stage.postgres.start)
        await good_again(Crowd(member), within=POSTGRES_BACK_WITHIN)

    ids = [answer.json()["error"]["request_id"] for answer in refused]
    lines = [line for line in stage.log if line.get("request_id") in ids]
    told = [(line["request_id"], line["store"]) for line in lines if "store" in line]
    assert told == list(zip(ids, ["redis", "redis", "redis", "database"], strict=True))
    assert "exception" not in {key for line in lines for key in line}


STORY = "a b c d e f g h i j"


async def test_a_stream_goes_on_when_redis_is_back(stage: Stage, model: ModelServer) -> None:
    async with stage.connect() as http:
        bot = await _compose(http, model)
        model.script(Say("x"), Say(STORY, delay_per_word=0.2))
        streaming = asyncio.ensure_future(bot.stream("Tell me a story"))
        await model.wait_for_calls(2, within=30)
        with stage.redis.away():
            await asyncio.sleep(AWAY)
        events = await streaming

    ids = [event.id for event in events]
    told = [event.fields["content"] for event in events if event.name == "message"]
    assert ids == sorted(set(ids))
    assert "".join(told) == STORY
    assert events[-1].fields["outcome"] == "completed"


async def test_a_turn_under_way_is_answered_when_redis_is_back(
    stage: Stage, model: ModelServer
) -> None:
    async with stage.connect() as http:
        bot = await _compose(http, model)
        model.script(Say("x"), Say(STORY, delay_per_word=0.2))
        chatting = asyncio.ensure_future(bot.chat("Tell me a story"))
        await model.wait_for_calls(2, within=30)
        with stage.redis.away():
            await asyncio.sleep(AWAY)
        answer = await chatting

    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == STORY


async def _compose(http: httpx.AsyncClient, model: ModelServer) -> Bot:
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
    return await create_bot(await create_organization(http, sys_admin), model.openai_url)


@dataclass(slots=True)
class Writers:
    """People who chat and upload without a pause, and what they were told had been done."""

    bot: Bot
    answered: set[str] = field(default_factory=set)
    uploaded: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    async def chat(self) -> None:
        while not self.is_over:
            answer = await self.bot.chat("Hello?")
            if answer.status_code == 200:
                self.answered.add(answer.json()["conversation_id"])
            else:
                self.refused[answer.json()["error"]["code"]] += 1
            await asyncio.sleep(PAUSE)

    async def upload(self) -> None:
        for number in itertools.count(1):
            if self.is_over:
                return
            package = tools_plugin(f"2.0.{number}")
            answer = await self.bot.admin.upload("{org}/plugins/upload", package)
            if answer.status_code == 201:
                self.uploaded += 1
            else:
                self.refused[answer.json()["error"]["code"]] += 1
            await asyncio.sleep(PAUSE)

    async def chat_on(self, turns: int) -> None:
        """Return when so many more turns have been answered."""
        enough = len(self.answered) + turns
        while len(self.answered) < enough:  # noqa: ASYNC110  # others count
            await asyncio.sleep(PAUSE)


HALVES = {
    "answers without their cost": """
        SELECT count(*) FROM messages WHERE role = 'assistant' AND status = 'completed'
        AND NOT EXISTS (SELECT FROM usage_entries WHERE usage_entries.run_id = messages.run_id)""",
    "costs without their answer": """
        SELECT count(*) FROM usage_entries WHERE NOT EXISTS (SELECT FROM messages
        WHERE messages.run_id = usage_entries.run_id AND role = 'assistant')""",
    "answers without their question": """
        SELECT count(*) FROM messages AS said WHERE role = 'assistant' AND NOT EXISTS (
        SELECT FROM messages WHERE messages.run_id = said.run_id AND role = 'user')""",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_a_restart_of_postgresql_leaves_nothing_half_written(
    stage: Stage, model: ModelServer, *, number: signal.Signals
) -> None:
    model.respond(lambda _: Say("Hello."))
    async with stage.connect() as http:
        writers = Writers(await _compose(http, model))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(writers.chat())
            tasks.create_task(writers.upload())
            async with asyncio.timeout(READY_WITHIN):
                await writers.chat_on(10)
                await asyncio.to_thread(stage.postgres.stop, number)
                await asyncio.to_thread(stage.postgres.start)
                back = time.monotonic()
                await writers.chat_on(1)
                seconds = time.monotonic() - back
                await writers.chat_on(10)
            writers.is_over = True
        rows = await _rows_of(stage, writers.bot)

    assert set(writers.refused) <= {"store_unavailable"}
    assert seconds < POSTGRES_BACK_WITHIN
    assert rows["conversations answered"] >= len(writers.answered)
    assert [what for what in HALVES if rows[what]] == []
    sys.stdout.write(
        f"\n{len(writers.answered)} turns and {writers.uploaded} uploads around a restart, "
        f"{writers.refused.total()} refused: nothing half written, good {seconds:.2f} s after it\n"
    )


async def _rows_of(stage: Stage, bot: Bot) -> dict[str, int]:
    """Count what is in the database; fails when a row of the catalog lacks its package."""
    async with open_database(stage.database_url, pool_size=1) as engine, engine.connect() as rows:
        counted = {what: int(await rows.scalar(text(query)) or 0) for what, query in HALVES.items()}
        answered = "SELECT count(DISTINCT conversation_id) FROM messages WHERE role = 'assistant'"
        counted["conversations answered"] = int(await rows.scalar(text(answered)) or 0)
        stored = await rows.scalars(
            text("SELECT sha256 FROM plugins WHERE organization_id = :organization"),
            {"organization": bot.admin.organization_id},
        )
    home = stage.packages / bot.admin.organization_id
    assert {f"{sha256}.zip" for sha256 in stored} <= {path.name for path in home.iterdir()}
    return counted


class _Empty(BaseHTTPRequestHandler):
    """An object store that holds nothing."""

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _empty_store(port: int) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", port), _Empty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


async def test_without_the_object_store_only_packages_are_refused(
    processes: Processes, tmp_path: Path
) -> None:
    port = unused_port()
    environment = {
        "CADENCE_STORAGE_ROOT": str(tmp_path / "var"),
        "CADENCE_OBJECT_STORE_URL": "s3://packages",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "CADENCE_LOG_FORMAT": "json",
    }
    person = ("--username", SYS_ADMIN, "--password", PASSWORD)
    processes.run("bootstrap", *person, environment=environment)
    with _empty_store(port):
        server = processes.serve(environment)
    async with httpx.AsyncClient(base_url=server.base_url, timeout=30) as http:
        sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
        admin = (await create_organization(http, sys_admin)).admin
        uploaded = await admin.upload("{org}/plugins/upload", tools_plugin())
        listed = (await admin.get("{org}/plugins")).json()
        health = (await sys_admin.get("/api/admin/health")).json()
        ready = await http.get("/ready")

    assert ready.status_code == 503
    assert ready.json()["stores"] == {"database": "ok", "redis": "ok", "objects": "down"}
    assert uploaded.status_code == 503, uploaded.text
    assert uploaded.json()["error"]["code"] == "store_unavailable"
    assert uploaded.headers["retry-after"]
    assert listed == []
    assert health["status"] == "down"
    assert health["stores"]["objects"]["state"] == "down"
    assert "CADENCE_OBJECT_STORE_URL" in health["stores"]["objects"]["remedy"]
    assert '"store": "objects"' in server.written
