"""Stores that go away and come back: 503 in between, nothing else, and good again soon after."""

import asyncio
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
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
from tests.fixtures.orchestrators import Bot, create_bot, read_events
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN, unused_port
from tests.fixtures.stoppable_stores import Stoppable, open_postgres_server, open_redis_server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stores away"), pytest.mark.timeout(300)]

# Seconds, from SECURITY.md §7.1: an answer while a store is away, and all good after its return.
ANSWERED_WITHIN = 2.0
# A single answer may be late where the machine is busy with something else; a hanging one is not.
HANGS_AFTER = 8.0
REDIS_BACK_WITHIN = 5.0
POSTGRES_BACK_WITHIN = 10.0
# Seconds that a store stays away while everybody goes on asking.
AWAY = 3.0
ASKING = 6
PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Stage:
    """One process of the service, on a Redis and a PostgreSQL that can be stopped."""

    server: ServeProcess
    redis: Stoppable
    redis_url: str
    postgres: Stoppable

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
            "CADENCE_RATE_LOGIN_PER_NAME_AND_ADDRESS": "1000",
            "CADENCE_RATE_LOGIN_PER_ADDRESS": "1000",
        }
        try:
            processes.run("migrate", environment=environment)
            person = ("--username", SYS_ADMIN, "--password", PASSWORD)
            processes.run("bootstrap", *person, environment=environment)
            yield Stage(processes.serve(environment), redis, redis_url, postgres)
        finally:
            processes.close()


async def _create_database(server: str) -> None:
    async with open_database(f"{server}/postgres", pool_size=1) as engine:
        outside = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with outside.connect() as connection:
            await connection.execute(text("CREATE DATABASE cadence"))


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: when it came, how long it took, and what it was."""

    at: float
    seconds: float
    status: int
    retry_after: str | None
    body: str

    @property
    def is_away(self) -> bool:
        """Whether it is the one answer that is right while a store is away."""
        return self.status == 503 and json.loads(self.body)["error"]["code"] == "store_unavailable"


Ask = Callable[[int], tuple[str, str, object]]


def _reading_and_writing(number: int) -> tuple[str, str, object]:
    """Return protected requests of every kind, one after the other."""
    asked: list[tuple[str, str, object]] = [
        ("GET", "/api/me", None),
        ("GET", "{org}/orchestrators", None),
        ("PATCH", "/api/me/profile", {"display_name": f"Name {number}"}),
        ("GET", "{org}/members", None),
        ("GET", "{org}/conversations", None),
        ("GET", "{org}/settings", None),
    ]
    return asked[number % len(asked)]


@dataclass(slots=True)
class Crowd:
    """People who go on asking, whatever they are told."""

    person: Client
    told: list[Told] = field(default_factory=list)
    is_over: bool = False

    async def ask(self, number: int) -> Told:
        method, path, body = _reading_and_writing(number)
        began = time.monotonic()
        options = {} if body is None else {"json": body}
        answer = await self.person.request(method, path, **options)
        now = time.monotonic()
        retry_after = answer.headers.get("retry-after")
        told = Told(now, now - began, answer.status_code, retry_after, answer.text)
        self.told.append(told)
        return told

    async def go_on(self, number: int) -> None:
        while not self.is_over:
            await self.ask(number)
            number += 1
            await asyncio.sleep(PAUSE)

    def between(self, begin: float, end: float) -> list[Told]:
        """Return the answers to what was asked and answered in this time."""
        return [each for each in self.told if each.at - each.seconds > begin and each.at < end]

    async def is_good(self) -> bool:
        """Whether every kind of request is answered well, one after the other."""
        return all([(await self.ask(number)).status == 200 for number in range(ASKING)])


@asynccontextmanager
async def _asking(person: Client) -> AsyncIterator[Crowd]:
    crowd = Crowd(person)
    async with asyncio.TaskGroup() as asking:
        for number in range(ASKING):
            asking.create_task(crowd.go_on(number))
        try:
            assert await crowd.is_good()
            yield crowd
        finally:
            crowd.is_over = True


async def _good_again(crowd: Crowd, *, within: float) -> None:
    deadline = time.monotonic() + within
    while not await crowd.is_good():
        assert time.monotonic() < deadline, Counter(each.status for each in crowd.told[-50:])
        await asyncio.sleep(PAUSE)


def _require_refused(answers: list[Told]) -> None:
    assert answers
    assert {each.status for each in answers} == {503}
    assert [each.body for each in answers if not each.is_away] == []
    assert [each for each in answers if each.retry_after is None] == []
    assert median(each.seconds for each in answers) < ANSWERED_WITHIN
    assert max(each.seconds for each in answers) < HANGS_AFTER


async def _member(http: httpx.AsyncClient) -> Client:
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
    return (await create_organization(http, sys_admin)).admin


async def test_while_redis_is_away_everything_is_refused_and_good_soon_after(stage: Stage) -> None:
    async with stage.connect() as http, _asking(await _member(http)) as crowd:
        stage.redis.stop()
        gone = time.monotonic()
        await asyncio.sleep(AWAY)
        login = await http.post("/api/auth/login", json={"username": "x", "password": "y" * 12})
        await asyncio.to_thread(stage.redis.start)
        back = time.monotonic()
        await _good_again(crowd, within=REDIS_BACK_WITHIN)

    # The token of before is the one that `_good_again` asked with: the session has survived.
    _require_refused(crowd.between(gone, back - 1))
    assert {each.status for each in crowd.told} == {200, 503}
    assert login.status_code in {401, 503}, "nobody is let in without a session"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_while_postgresql_is_away_everything_is_refused_and_good_soon_after(
    stage: Stage, number: signal.Signals
) -> None:
    async with stage.connect() as http, _asking(await _member(http)) as crowd:
        stage.postgres.stop(number)
        gone = time.monotonic()
        await asyncio.sleep(AWAY)
        login = await http.post("/api/auth/login", json={"username": "x", "password": "y" * 12})
        back = time.monotonic()
        await asyncio.to_thread(stage.postgres.start)
        await _good_again(crowd, within=POSTGRES_BACK_WITHIN)

    _require_refused(crowd.between(gone, back))
    assert {each.status for each in crowd.told} == {200, 503}
    assert login.status_code == 503
    assert login.json()["error"]["code"] == "store_unavailable"


async def test_a_redis_that_answers_nothing_counts_as_away(stage: Stage) -> None:
    async with stage.connect() as http, _asking(await _member(http)) as crowd:
        with stage.redis.frozen():
            gone = time.monotonic()
            await asyncio.sleep(AWAY)
            back = time.monotonic()
        await _good_again(crowd, within=REDIS_BACK_WITHIN)

    _require_refused(crowd.between(gone, back))


async def test_a_postgresql_that_answers_nothing_keeps_nobody_for_ever(stage: Stage) -> None:
    async with stage.connect() as http:
        member = await _member(http)
        with stage.postgres.frozen():
            answer = await member.get("/api/me")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "store_unavailable"
        assert (await member.get("/api/me")).status_code == 200


async def test_after_a_flush_everybody_is_logged_out_and_can_log_in_again(stage: Stage) -> None:
    async with stage.connect() as http:
        member = await _member(http)
        crowd = Crowd(member)
        assert await crowd.is_good()
        with Redis.from_url(stage.redis_url) as redis:
            redis.flushall()

        refused = [(await crowd.ask(number)).status for number in range(ASKING)]
        again = Client(http, await log_in(http, SYS_ADMIN), "none")

        assert refused == [401] * ASKING
        assert (await again.get("/api/admin/users")).status_code == 200


async def test_the_log_names_the_store_once_for_each_refused_request(stage: Stage) -> None:
    async with stage.connect() as http:
        member = await _member(http)
        stage.redis.stop()
        refused = [await member.get("/api/me") for _ in range(3)]
        await asyncio.to_thread(stage.redis.start)
        stage.postgres.stop(signal.SIGINT)
        refused.append(await member.get("/api/me"))
        await asyncio.to_thread(stage.postgres.start)
        await _good_again(Crowd(member), within=POSTGRES_BACK_WITHIN)

    ids = [answer.json()["error"]["request_id"] for answer in refused]
    lines = [line for line in stage.log if line.get("request_id") in ids]
    told = [(line["request_id"], line["store"]) for line in lines if "store" in line]
    assert told == list(zip(ids, ["redis", "redis", "redis", "database"], strict=True))
    assert "exception" not in {key for line in lines for key in line}


async def test_a_stream_ends_when_redis_goes_away_and_its_run_with_it(
    stage: Stage, model: ModelServer
) -> None:
    async with stage.connect() as http:
        bot = await _compose(http, model)
        model.script(Say("x"), Say("a b c d e f g h i j", delay_per_word=0.3))
        body = {"instance_id": bot.id, "message": "Tell me a story"}
        streaming = asyncio.ensure_future(bot.member.post("{org}/completion/stream", body))
        await model.wait_for_calls(2, within=30)
        stage.redis.stop()
        events = read_events(await streaming)
        assert events
        assert "final" not in events[-1].fields, "so that its reader joins the run again"
        await asyncio.to_thread(stage.redis.start)

        await _until_no_run_is_under_way(http)
        model.script(Say("x"), Say("Once upon a time."))
        assert (await bot.chat("Another one")).json()["message"] == "Once upon a time."


async def test_a_turn_under_way_is_told_that_a_store_is_away(
    stage: Stage, model: ModelServer
) -> None:
    async with stage.connect() as http:
        bot = await _compose(http, model)
        model.script(Say("x"), Say("a b c d e f g h i j", delay_per_word=0.3))
        chatting = asyncio.ensure_future(bot.chat("Tell me a story"))
        await model.wait_for_calls(2, within=30)
        stage.redis.stop()
        answer = await chatting
        await asyncio.to_thread(stage.redis.start)

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "store_unavailable"


async def _compose(http: httpx.AsyncClient, model: ModelServer) -> Bot:
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
    return await create_bot(await create_organization(http, sys_admin), model.openai_url)


async def _until_no_run_is_under_way(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while "cadence_runs_under_way 0.0" not in (await http.get("/metrics")).text:  # noqa: ASYNC110  # another process counts
            await asyncio.sleep(0.1)


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
