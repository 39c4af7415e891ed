"""`make bench-streams`: streams that stay open, at 50 tokens a second each, on a real server.

    python -m tests.benchmarks.streams [--streams 1,50,200,500] [--minutes 5] [--quick]
        [--real [--workers 2]] [--framework langgraph]

The model, the clients and the server share the machine's cores, as the target of issue 6 has it.
Turns take ten seconds and follow each other without a pause; each stream begins at another moment.
"Added" is the time from the request to the first word, less the time that the model itself took,
which it tells in that word.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvloop

from cadence.engine.modes import Framework, Mode
from tests.benchmarks.paced_model import open_paced_model
from tests.benchmarks.process_figures import Taken, cpu_seconds, look_at
from tests.benchmarks.stream_client import Asked, Heard, keep_open
from tests.benchmarks.stream_figures import StreamFigures, show
from tests.factories.plugins import tools_plugin
from tests.fixtures.clients import Client, create_organization, log_in, open_http
from tests.fixtures.cluster import shared_environment
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.rabbitmq import open_rabbit_server
from tests.fixtures.redis_server import open_redis_server
from tests.fixtures.service import PASSWORD, SYS_ADMIN, UNLIMITED
from tests.fixtures.stores import open_postgres_server

TURN_SECONDS = 10.0
TOKENS = 500
DIRECT_SECONDS = 4.0
# Seconds after which connections and tasks that were only kept for a while are gone.
SETTLE_SECONDS = 50.0
STREAMS_PER_NODE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was asked for on the command line."""

    streams: Sequence[int]
    seconds: float
    is_real: bool
    workers: int
    framework: Framework


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A server with an orchestrator, its model, and one turn of each as a request."""

    server: ServeProcess
    redis_url: str | None
    model_pid: int
    turn: Asked
    call: Asked

    def measure(self, streams: int, seconds: float) -> StreamFigures:
        """Keep so many streams open, first at the model alone and then through the server."""
        direct = Heard()
        uvloop.run(_load(self.call, direct, streams=streams, seconds=DIRECT_SECONDS))
        heard, before = Heard(), self._look()
        during: list[Taken] = []
        used = self._used()
        began = time.monotonic()

        async def load() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_load(self.turn, heard, streams=streams, seconds=seconds))
                await asyncio.sleep(seconds / 2)
                during.append(await asyncio.to_thread(self._look))

        uvloop.run(load())
        elapsed = time.monotonic() - began
        cores = {name: (now - used[name]) / elapsed for name, now in self._used().items()}
        time.sleep(SETTLE_SECONDS)
        return StreamFigures(
            streams=streams,
            seconds=elapsed,
            heard=heard,
            direct=direct,
            cores=cores,
            before=before,
            during=during[0],
            after=self._look(),
        )

    def _look(self) -> Taken:
        return look_at(self.server.pid, base_url=self.server.base_url, redis_url=self.redis_url)

    def _used(self) -> dict[str, float]:
        taken = self._look()
        return {
            "service": taken.cpu_seconds,
            "service waiting for a core": taken.waited_seconds,
            "model": cpu_seconds(self.model_pid),
            "clients": time.process_time(),
        }


async def _load(asked: Asked, heard: Heard, *, streams: int, seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    async with asyncio.TaskGroup() as tasks:
        for number in range(streams):
            # Streams are open from the first round on; nobody's clients all begin at one moment.
            after = min(TURN_SECONDS, seconds / 2) * number / streams
            tasks.create_task(keep_open(asked, heard, until=until, after=after))


@contextmanager
def _opened(choice: Choice) -> Iterator[Bench]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model_url, model_pid = stack.enter_context(open_paced_model())
        environment, redis_url = _stores(stack, folder, choice)
        processes = Processes(folder)
        stack.callback(processes.close)
        if choice.is_real:
            processes.run("migrate", environment=environment)
        person = ("--username", SYS_ADMIN, "--password", PASSWORD)
        processes.run("bootstrap", *person, environment=environment)
        server = processes.serve(environment, "--workers", str(choice.workers))
        turn = asyncio.run(_compose(server.base_url, model_url, choice))
        yield Bench(
            server=server,
            redis_url=redis_url,
            model_pid=model_pid,
            turn=turn,
            call=_call(model_url),
        )


def _stores(stack: ExitStack, folder: Path, choice: Choice) -> tuple[dict[str, str], str | None]:
    own = {
        "CADENCE_LOG_LEVEL": "WARNING",
        "CADENCE_RUN_STREAMS_PER_NODE": str(STREAMS_PER_NODE),
        **{f"CADENCE_RATE_{name.upper()}": str(value) for name, value in UNLIMITED.items()},
    }
    if not choice.is_real:
        return {**own, "CADENCE_STORAGE_ROOT": str(folder / "stores")}, None
    postgres = stack.enter_context(open_postgres_server())
    redis = stack.enter_context(open_redis_server(folder))
    shared = shared_environment(folder, postgres_server=postgres, redis_url=redis.url)
    if choice.workers > 1:
        # Several processes must hear of each other's changes.
        broker = stack.enter_context(contextmanager(open_rabbit_server)(folder))
        own["CADENCE_RABBITMQ_URL"] = broker.url
    return {**shared, **own}, redis.url


async def _compose(base_url: str, model_url: str, choice: Choice) -> Asked:
    """Make an orchestrator whose turn is one call of the model, play it once, and return it."""
    async with open_http(base_url) as http:
        sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
        organization = await create_organization(http, sys_admin)
        admin, member = organization.admin, organization.member
        model = {
            "name": "paced",
            "provider": "openai_compatible",
            "api_key": "sk-paced-model-key",
            "model_name": f"tokens-{TOKENS}",
            "base_url": f"{model_url}/v1",
        }
        llm = _made(await admin.post("{org}/llm-configs", model))
        plugin = _made(await admin.upload("{org}/plugins/upload", tools_plugin()))
        orchestrator = {
            "name": "bench",
            "framework_type": choice.framework,
            "mode": Mode.HANDOFF,
            "active_plugin_ids": [plugin["id"]],
            "config": {"default_llm_config_id": llm["id"]},
        }
        made = _made(await admin.post("{org}/orchestrators", orchestrator))
        question = {"instance_id": made["id"], "message": "Say something of some length."}
        for _ in range(2 * choice.workers):
            _made(await member.post("{org}/completion/chat", question))
    path = f"/api/orgs/{organization.id}/completion/stream"
    head = _head(path, f"authorization: Bearer {member.token}\r\n")
    body = json.dumps(question).encode()
    return Asked(url=base_url, head=head, body=body, tokens=TOKENS, is_run=True)


def _call(model_url: str) -> Asked:
    body = json.dumps({"model": f"tokens-{TOKENS}", "stream": True, "messages": []}).encode()
    head = _head("/v1/chat/completions", "")
    return Asked(url=model_url, head=head, body=body, tokens=TOKENS, is_run=False)


def _head(path: str, more: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{more}"
    ).encode()


def _made(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code in {200, 201}, answer.text
    made: dict[str, str] = answer.json()
    return made


def _choice() -> Choice:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.streams")
    parser.add_argument("--streams", default="1,50,200,500")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--quick", action="store_true", help="half a minute of each")
    parser.add_argument("--real", action="store_true", help="on PostgreSQL and Redis")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--framework", type=Framework, default=Framework.LANGGRAPH)
    given = parser.parse_args()
    return Choice(
        streams=[int(number) for number in given.streams.split(",")],
        seconds=30.0 if given.quick else given.minutes * 60,
        is_real=given.real,
        workers=given.workers,
        framework=given.framework,
    )


def run(choice: Choice) -> None:
    """Print the figures of every number of streams, one after the other on one server."""
    stores = "PostgreSQL and Redis" if choice.is_real else "embedded stores"
    print(f"{choice.framework}, {choice.workers} worker(s), {stores}")
    with _opened(choice) as bench:
        for streams in choice.streams:
            show(bench.measure(streams, choice.seconds))


if __name__ == "__main__":
    # Whoever stops it means its servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    run(_choice())
