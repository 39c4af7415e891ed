"""`kill -9` of the service in the middle of its streams, with nobody who comes back to read on.

`KILLS=50 pytest tests/faults/test_kill_in_mid_stream.py -s` shows what SECURITY.md §7.1 asks for.
"""

import asyncio
import itertools
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

import httpx
import pytest

from cadence.infra.secrets.keyring import generate_key
from tests.fakes.model_server import ModelServer
from tests.fixtures.clients import Client, create_organization, log_in
from tests.fixtures.counting import Asked, Counting, CountingScene, compose, open_counting
from tests.fixtures.fleet import Fleet, open_fleet
from tests.fixtures.fleet_scene import KINDS, open_client
from tests.fixtures.following import Door, Follower, told
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.rabbitmq import RabbitServer
from tests.fixtures.redis_server import open_redis_server
from tests.fixtures.service import PASSWORD, SYS_ADMIN, UNLIMITED

# With `--dist loadgroup` one worker starts the processes for all of these tests.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("kill in mid stream"),
    pytest.mark.timeout(1800),
]

KILLS = int(os.environ.get("KILLS", "2"))  # noqa: TID251  # said above
STREAMS = 100 if KILLS >= 50 else 20
WORDS, PAUSE_MS = 100, 200
TURNS_A_ROUND, LATE_ONES = 4, 3
# Seconds.
INTERRUPTED_WITHIN = 30.0
UNDER_WAY_WITHIN = 60.0
LOOK_EVERY = 0.1
APART = 0.1
LATEST_MS = 200
PAGE = 100


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, rabbit_server: RabbitServer
) -> Iterator[Fleet]:
    with (
        # Of its own, so that nothing else is left in it.
        open_redis_server(tmp_path_factory.mktemp("redis")) as redis,
        open_fleet(
            tmp_path_factory.mktemp("fleet"),
            count=2,
            postgres_server=postgres_server,
            redis_url=redis.url,
            broker=rabbit_server,
        ) as fleet,
    ):
        yield fleet


@pytest.fixture
async def scene(fleet: Fleet, model: ModelServer) -> AsyncIterator[CountingScene]:
    async with open_counting(fleet, model) as scene:
        yield scene


async def read_until_lost(reader: Follower, door: Door) -> None:
    """Read by this door for as long as its process lives."""
    with suppress(httpx.TransportError):
        await reader.read(door)


async def test_a_process_that_dies_over_its_streams_takes_none_of_the_others_with_it(
    scene: CountingScene,
) -> None:
    dies, lives = scene.doors
    readers = []
    for number in range(STREAMS):
        bot_id = list(scene.bots.values())[number % len(scene.bots)]
        asked = scene.ask(words=WORDS, pause_ms=PAUSE_MS)
        readers.append(Follower(body=scene.body(bot_id, asked), answer=asked.answer))
    dying, living = readers[::2], readers[1::2]
    statuses: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(keep_asking(lives.member, statuses))
        async with asyncio.TaskGroup() as reading:
            for reader in dying:
                reading.create_task(read_until_lost(reader, dies))
            for reader in living:
                reading.create_task(reader.read(lives))
            await are_speaking(readers)
            killed_at = time.time()
            await asyncio.to_thread(scene.fleet.servers[0].kill)
            began = time.monotonic()
            await asyncio.to_thread(scene.fleet.servers[0].start)
            ready = time.monotonic() - began
        await are_answered(lives.member, dying)
        asking.cancel()
    for reader in living:
        reader.check_whole()
        await reader.check(dies, status="completed")
    lasted = [await interrupted_after(reader, lives, killed_at) for reader in dying]
    assert set(statuses) == {200}
    await scene.cleared()
    sys.stdout.write(
        f"\n{STREAMS} streams on 2 processes, one killed: {len(living)} streams whole and "
        f"{len(statuses)} requests good at the other one; {len(dying)} answers interrupted after "
        f"p50 {median(lasted):.1f} s, longest {max(lasted):.1f} s; ready again after "
        f"{ready:.1f} s\n"
    )


async def keep_asking(member: Client, statuses: list[int]) -> None:
    while True:
        statuses.append((await member.get("{org}/conversations")).status_code)
        await asyncio.sleep(LOOK_EVERY)


async def are_speaking(readers: Sequence[Follower], *, at_least: int | None = None) -> None:
    """Wait until so many of these have words, or all of them."""
    wanted = len(readers) if at_least is None else at_least
    async with asyncio.timeout(UNDER_WAY_WITHIN):
        while sum(bool(told(reader.events)) for reader in readers) < wanted:  # noqa: ASYNC110  # counted
            await asyncio.sleep(LOOK_EVERY)


async def are_answered(member: Client, readers: Sequence[Follower]) -> None:
    """Wait until each question has an answer of some status."""
    async with asyncio.timeout(INTERRUPTED_WITHIN):
        for reader in readers:
            while len(await stored_in(member, reader.conversation_id)) < 2:  # noqa: ASYNC110  # elsewhere
                await asyncio.sleep(LOOK_EVERY)


async def interrupted_after(reader: Follower, door: Door, killed_at: float) -> float:
    """Check what is kept of a turn; return how long after the kill that was stored."""
    said = await reader.stored(door)
    assert [message["status"] for message in said] == ["completed", "interrupted"]
    assert said[1]["error_code"] == "run_interrupted"
    # Its process may have told more than the last reader has seen of it, and never less.
    assert said[1]["content"].startswith(told(reader.events))
    assert reader.answer.startswith(said[1]["content"])
    seconds = datetime.fromisoformat(said[1]["created_at"]).timestamp() - killed_at
    assert seconds < INTERRUPTED_WITHIN
    return seconds


async def stored_in(member: Client, conversation_id: str) -> list[dict[str, Any]]:
    """Return all that is stored of a conversation; fails when there is no such one."""
    answer = await member.get(f"{{org}}/conversations/{conversation_id}/messages")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@dataclass(kw_only=True)
class Rounds:
    """What came of killing one process again and again."""

    readers: list[tuple[Follower, float]] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)

    @property
    def acknowledged(self) -> list[tuple[Follower, float]]:
        """The readers that had seen an event, and when their process was killed."""
        return [each for each in self.readers if each[0].events]

    async def kill(self, server: ServeProcess, door: Door, readers: Sequence[Follower]) -> None:
        """Begin these turns, kill the process over them at any moment, and start it again."""
        begun, late = readers[:TURNS_A_ROUND], readers[TURNS_A_ROUND:]
        async with asyncio.TaskGroup() as tasks:
            for reader in begun:
                tasks.create_task(read_until_lost(reader, door))
                await asyncio.sleep(APART)
            await are_speaking(begun, at_least=1 + secrets.randbelow(len(begun)))
            # Of these some are told nothing yet when it happens, and some are not even stored.
            for reader in late:
                tasks.create_task(read_until_lost(reader, door))
            await asyncio.sleep(secrets.randbelow(LATEST_MS) / 1000)
            killed_at = time.time()
            await asyncio.to_thread(server.kill)
        began = time.monotonic()
        await asyncio.to_thread(server.start)
        self.ready.append(time.monotonic() - began)
        self.readers += [(reader, killed_at) for reader in readers]

    async def check(self, member: Client) -> None:
        """Fail unless what was acknowledged is there, and every question has its answer."""
        conversations = await all_of(member)
        lost = {reader.conversation_id for reader, _ in self.acknowledged} - set(conversations)
        assert lost == set()
        for conversation_id in conversations:
            said = await stored_in(member, conversation_id)
            assert [message["role"] for message in said] == ["user", "assistant"], said

    def show(self, stores: str) -> None:
        """Print the figures."""
        sys.stdout.write(
            f"\n{stores}: {len(self.ready)} kills over {len(self.readers)} turns, "
            f"{len(self.acknowledged)} acknowledged and none lost, no half turn; ready again after "
            f"p50 {median(self.ready):.1f} s, longest {max(self.ready):.1f} s\n"
        )


async def all_of(member: Client) -> list[str]:
    """Return every conversation of a person."""
    found, after = list[str](), ""
    while True:
        page = (await member.get(f"{{org}}/conversations?limit={PAGE}{after}")).json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def begin_round(bot_ids: Sequence[str], numbers: Iterator[int]) -> list[Follower]:
    """Return readers of turns that have still to begin."""
    bots = itertools.cycle(bot_ids)
    asked = [
        Asked(number=next(numbers), words=WORDS, pause_ms=PAUSE_MS)
        for _ in range(TURNS_A_ROUND + LATE_ONES)
    ]
    return [
        Follower(body={"instance_id": next(bots), "message": each.message}, answer=each.answer)
        for each in asked
    ]


async def test_what_was_acknowledged_survives_its_process_on_real_stores(
    scene: CountingScene,
) -> None:
    rounds, (dies, lives) = Rounds(), scene.doors
    for _ in range(KILLS):
        await rounds.kill(
            scene.fleet.servers[0], dies, begin_round([*scene.bots.values()][:1], scene.numbers)
        )
    await are_answered(lives.member, [reader for reader, _ in rounds.acknowledged])
    # In every conversation, also those whose client was never told of it.
    await scene.cleared()
    lasted = [await interrupted_after(reader, lives, at) for reader, at in rounds.acknowledged]
    await rounds.check(lives.member)
    rounds.show("real stores")
    sys.stdout.write(f"interrupted after p50 {median(lasted):.1f} s, longest {max(lasted):.1f} s\n")


async def test_what_was_acknowledged_survives_its_process_on_embedded_stores(
    processes: Processes, model: ModelServer
) -> None:
    environment = {
        "CADENCE_STORAGE_ROOT": str(processes.folder / "var"),
        "CADENCE_SECRET_KEY": generate_key(),
        "CADENCE_ENCRYPTION_KEYS": f"k1:{generate_key()}",
        **{f"CADENCE_RATE_{name}".upper(): str(limit) for name, limit in UNLIMITED.items()},
    }
    person = ("--username", SYS_ADMIN, "--password", PASSWORD)
    processes.run("bootstrap", *person, environment=environment)
    server = processes.serve(environment)
    counting, rounds = Counting(), Rounds()
    model.respond(counting.act)
    async with open_client(server.base_url) as http:
        organization = await create_organization(
            http, Client(http, await log_in(http, SYS_ADMIN), "none")
        )
        name = (await organization.member.get("/api/me")).json()["username"]
        bots = await compose(organization, model.openai_url, KINDS[:1])
        door = Door(http, organization.member.token, organization.id)
        numbers = itertools.count(1)
        for _ in range(KILLS):
            await rounds.kill(server, door, begin_round([*bots.values()], numbers))
            # Sessions end with the process that has them in its memory.
            door = Door(http, await log_in(http, name), organization.id)
            await rounds.check(door.member)
    for reader, _ in rounds.acknowledged:
        assert reader.answer.startswith(told(reader.events))
    rounds.show("embedded stores")
