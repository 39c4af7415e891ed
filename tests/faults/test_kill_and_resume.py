"""Readers whose client, network or node dies under them: whoever comes back misses nothing.

`CYCLES=1000 pytest tests/faults/test_kill_and_resume.py -s` shows what PRODUCT.md promises.
"""

import asyncio
import itertools
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import pytest

from tests.fakes.model_server import ModelServer
from tests.fixtures.counting import CountingScene, open_counting
from tests.fixtures.fleet import Fleet, open_fleet
from tests.fixtures.following import Door, Follower, told
from tests.fixtures.rabbitmq import RabbitServer
from tests.fixtures.redis_server import open_redis_server

# With `--dist loadgroup` one worker starts the processes for all of these tests.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("kill and resume"),
    pytest.mark.timeout(1800),
]

CYCLES = int(os.environ.get("CYCLES", "60"))  # noqa: TID251  # said above
# Of all cycles: by the client, by the network, by a node's death.
BY_CLIENT, BY_NETWORK = 0.5, 0.4
NODES = 3
TURNS = 20
WORDS, PAUSE_MS = 40, 100
# Of turns whose node dies, and of those that outlive their reader's node.
ENDLESS_WORDS, LONG_WORDS = 600, 100
ON_THE_NODE, ELSEWHERE = 7, 3
# Seconds.
CUT_EVERY = 0.4
INTERRUPTED_WITHIN = 30.0
UNDER_WAY_WITHIN = 30.0
LOOK_EVERY = 0.05


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, rabbit_server: RabbitServer
) -> Iterator[Fleet]:
    with (
        # Of its own, so that nothing else is left in it.
        open_redis_server(tmp_path_factory.mktemp("redis")) as redis,
        open_fleet(
            tmp_path_factory.mktemp("fleet"),
            count=NODES,
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


def begin_turns(scene: CountingScene, *, count: int, words: int = WORDS) -> list[Follower]:
    """Return readers of turns of all kinds that have still to begin."""
    bots = itertools.islice(itertools.cycle(scene.bots.values()), count)
    asked = [(bot, scene.ask(words=words, pause_ms=PAUSE_MS)) for bot in bots]
    return [Follower(body=scene.body(bot, each), answer=each.answer) for bot, each in asked]


async def test_a_client_that_leaves_and_rejoins_anywhere_misses_nothing(
    scene: CountingScene,
) -> None:
    async def leave_often(readers: Sequence[Follower]) -> None:
        following = [
            reader.follow(shuffled(scene.doors), leave_after=lambda: 1 + secrets.randbelow(5))
            for reader in readers
        ]
        await asyncio.gather(*following)

    await cut_and_check(scene, leave_often, cycles=int(CYCLES * BY_CLIENT), what="client")


async def test_a_reset_or_half_closed_connection_costs_no_event(scene: CountingScene) -> None:
    async def read_in_bad_weather(readers: Sequence[Follower]) -> None:
        async with asyncio.TaskGroup() as tasks:
            cutting = tasks.create_task(cut_connections(scene))
            await asyncio.gather(*(reader.follow(shuffled(scene.proxied)) for reader in readers))
            cutting.cancel()

    await cut_and_check(scene, read_in_bad_weather, cycles=int(CYCLES * BY_NETWORK), what="proxy")


def shuffled(doors: Sequence[Door]) -> list[Door]:
    """Return the doors in an order of one's own."""
    return sorted(doors, key=lambda _: secrets.randbits(32))


async def cut_connections(scene: CountingScene) -> None:
    """Reset all connections of one proxy after the other, or half-close them."""
    for number, proxy in enumerate(itertools.cycle(scene.proxies)):
        await asyncio.sleep(CUT_EVERY)
        await asyncio.to_thread(proxy.half_close if number % 2 else proxy.reset)


async def cut_and_check(
    scene: CountingScene,
    read: Callable[[Sequence[Follower]], Awaitable[None]],
    *,
    cycles: int,
    what: str,
) -> None:
    """Have turns read until there were so many cycles; each must be told and stored whole."""
    done: list[Follower] = []
    began = time.monotonic()
    while sum(reader.cycles for reader in done) < cycles:
        readers = begin_turns(scene, count=min(TURNS, 2 + cycles // 5))
        await read(readers)
        for number, reader in enumerate(readers):
            reader.check_whole()
            await reader.check(scene.doors[number % NODES], status="completed")
        done += readers
    await scene.cleared()
    sys.stdout.write(
        f"\n{what}: {sum(reader.cycles for reader in done)} cycles over {len(done)} runs, "
        f"{sum(len(reader.events) for reader in done)} events, {time.monotonic() - began:.0f} s\n"
    )


async def test_a_killed_node_costs_its_readers_nothing_and_its_runs_only_their_rest(
    scene: CountingScene,
) -> None:
    wanted = CYCLES - int(CYCLES * BY_CLIENT) - int(CYCLES * BY_NETWORK)
    kills: list[Killed] = []
    cut = 0
    while cut < wanted:
        kills.append(await kill_one(scene, len(kills) % NODES))
        cut += kills[-1].cycles
    await scene.cleared()
    lasted = [reader.ended_at - kill.at for kill in kills for reader in kill.dying]
    sys.stdout.write(
        f"\nnode: {cut} cycles over {len(kills)} kills, {len(lasted)} runs interrupted; from "
        f"the kill to the final event p50 {median(lasted):.1f} s, longest {max(lasted):.1f} s\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """One kill: the readers of the node's own runs, and those who read others' runs there."""

    at: float
    dying: Sequence[Follower]
    moving: Sequence[Follower]

    @property
    def cycles(self) -> int:
        """How often a reader went on elsewhere because of it."""
        every = sum(reader.cycles for reader in [*self.dying, *self.moving])
        # These had gone there by themselves.
        return every - len(self.moving)


async def kill_one(scene: CountingScene, victim: int) -> Killed:
    """Kill a node under its runs and its readers, have all read on elsewhere, and start it again.

    Every run's words are then stored as they were read, and its conversation is free.
    """
    server, there = scene.fleet.servers[victim], scene.doors[victim]
    others = [door for door in scene.doors if door is not there]
    dying = begin_turns(scene, count=ON_THE_NODE, words=ENDLESS_WORDS)
    moving = begin_turns(scene, count=ELSEWHERE, words=LONG_WORDS)
    async with asyncio.TaskGroup() as tasks:
        for reader in dying:
            tasks.create_task(reader.follow([there, *others]))
        for reader in moving:
            once = itertools.chain([2], itertools.repeat(sys.maxsize)).__next__
            tasks.create_task(reader.follow([others[0], there, *others], leave_after=once))
        await are_under_way(dying, moving)
        at = time.monotonic()
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    for number, reader in enumerate(dying):
        reader.check_interrupted()
        assert reader.ended_at - at < INTERRUPTED_WITHIN
        await reader.check(others[number % len(others)], status="interrupted")
    for reader in moving:
        reader.check_whole()
        await reader.check(there, status="completed")
    for reader in [*dying, *moving]:
        bot_id, conversation_id = reader.body["instance_id"], reader.conversation_id
        await scene.chat(there, bot_id, conversation_id=conversation_id)
    return Killed(at=at, dying=dying, moving=moving)


async def are_under_way(dying: Sequence[Follower], moving: Sequence[Follower]) -> None:
    """Wait until words come to all, and those who were to move have."""
    async with asyncio.timeout(UNDER_WAY_WITHIN):
        while not (  # noqa: ASYNC110  # counted, not told
            all(told(reader.events) for reader in dying)
            and all(reader.cycles and told(reader.events) for reader in moving)
        ):
            await asyncio.sleep(LOOK_EVERY)
