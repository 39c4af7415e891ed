"""RabbitMQ away, and processes that die over their changes: no change waits, and none is lost."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from tests.fakes.model_server import ModelServer
from tests.fixtures.fleet import Fleet, open_fleet
from tests.fixtures.fleet_scene import LOOK_EVERY, Scene, open_scene
from tests.fixtures.processes import Processes
from tests.fixtures.rabbitmq import RabbitServer, open_rabbit_server

# With `--dist loadgroup` one worker starts the processes for all of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("broker away"), pytest.mark.timeout(300)]

# Seconds that the broker stays away; `BROKER_AWAY=60 pytest tests/faults/test_broker_away.py -s`
# shows what the service promises for a minute.
AWAY = float(os.environ.get("BROKER_AWAY", "10"))  # noqa: TID251  # said above
# Seconds after the broker's return, or after a process's death, until everybody is current.
CURRENT_WITHIN = 10.0
PROCESSES = 3
CHANGES = 200
LOOK_AT_EVERY = 10


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """A broker that these tests may stop."""
    yield from open_rabbit_server(tmp_path_factory.mktemp("broker"))


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: str,
    redis_url: str,
    *,
    broker: RabbitServer,
) -> Iterator[Fleet]:
    with open_fleet(
        tmp_path_factory.mktemp("fleet"),
        count=PROCESSES,
        postgres_server=postgres_server,
        redis_url=redis_url,
        broker=broker,
    ) as fleet:
        yield fleet


@pytest.fixture
async def scene(fleet: Fleet, model: ModelServer) -> AsyncIterator[Scene]:
    async with open_scene(fleet, model) as scene:
        yield scene


async def change_over(scene: Scene, seconds: float, *, changes: int) -> None:
    """Make so many changes by all processes in turn, each current where it was made."""
    pause = seconds / changes
    for number in range(changes):
        begun = time.monotonic()
        marked = scene.marked[number % len(scene.marked)]
        door = scene.doors[number // len(scene.marked) % len(scene.doors)]
        await scene.change(marked, door)
        if number % LOOK_AT_EVERY == 0:
            await scene.check(marked, doors=[door])
        await asyncio.sleep(max(0.0, pause - (time.monotonic() - begun)))


async def all_current(scene: Scene) -> float:
    """Wait until every process has built every newest configuration; return the seconds.

    Nobody has a turn meanwhile, so that it is only what they have been told.
    """
    began = time.monotonic()
    async with asyncio.timeout(CURRENT_WITHIN):
        while await scene.fleet.count_untold() or not await scene.is_current():  # noqa: ASYNC110  # elsewhere
            await asyncio.sleep(LOOK_EVERY)
    return time.monotonic() - began


async def test_every_process_is_ready_without_the_broker_and_says_that_events_wait(
    fleet: Fleet, broker: RabbitServer, processes: Processes
) -> None:
    assert await readiness(fleet) == [(200, "ok", "ok")] * PROCESSES

    await asyncio.to_thread(broker.stop)
    try:
        assert await readiness(fleet) == [(200, "ok", "down")] * PROCESSES
        told = await asyncio.to_thread(processes.attempt, "doctor", environment=fleet.environment)
    finally:
        await asyncio.to_thread(broker.start)

    assert told.code == 1
    assert "BAD   events     does not answer: start RabbitMQ" in told.written
    async with asyncio.timeout(CURRENT_WITHIN):
        while await readiness(fleet) != [(200, "ok", "ok")] * PROCESSES:  # noqa: ASYNC110  # elsewhere
            await asyncio.sleep(LOOK_EVERY)


async def readiness(fleet: Fleet) -> list[tuple[int, str, str]]:
    """Return what each process says of itself: the status code, its own status, and of events."""
    async with httpx.AsyncClient() as http:
        answers = [await http.get(f"{server.base_url}/ready") for server in fleet.servers]
    told = [(answer.status_code, answer.json()) for answer in answers]
    return [(code, body["status"], body["events"]) for code, body in told]


@pytest.mark.parametrize("end", [RabbitServer.stop, RabbitServer.kill], ids=["stopped", "killed"])
async def test_no_change_is_lost_and_none_waits_while_the_broker_is_away(
    scene: Scene, broker: RabbitServer, end: Callable[[RabbitServer], None]
) -> None:
    before = CHANGES // 4
    await change_over(scene, AWAY / 4, changes=before)

    await asyncio.gather(
        asyncio.to_thread(end, broker),
        change_over(scene, AWAY, changes=CHANGES - before),
    )
    untold = await scene.fleet.count_untold()
    await asyncio.to_thread(broker.start)
    seconds = await all_current(scene)

    assert untold > 0
    figures = await scene.figures()
    await scene.check_all()
    assert await scene.figures() == figures
    sys.stdout.write(
        f"\n{CHANGES} changes, broker away for {AWAY:.0f} s: {untold} events waited for it, all "
        f"current {seconds:.2f} s after its return\n"
    )


async def test_what_a_killed_process_leaves_untold_is_told_by_the_others(
    scene: Scene, broker: RabbitServer
) -> None:
    await asyncio.to_thread(broker.stop)
    for marked in scene.marked:
        await scene.change(marked, scene.doors[0])
    scene.fleet.servers[0].kill()
    try:
        assert await scene.fleet.count_untold() >= len(scene.marked)
        await asyncio.to_thread(broker.start)
        others = replace(scene, doors=scene.doors[1:])
        await all_current(others)
    finally:
        scene.fleet.servers[0].start()
    await scene.check_all()


async def test_a_process_killed_right_after_its_changes_has_told_them(scene: Scene) -> None:
    for _ in range(5):
        await asyncio.gather(*(scene.change(marked, scene.doors[0]) for marked in scene.marked))
        scene.fleet.servers[0].kill()
        try:
            await all_current(replace(scene, doors=scene.doors[1:]))
        finally:
            scene.fleet.servers[0].start()
    await scene.check_all()
