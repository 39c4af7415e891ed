"""Runs on a real Redis: it goes away, answers are lost, writers die and come back."""

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from pathlib import Path

import orjson
import pytest
from redis.asyncio import Redis

from cadence.config.settings import RateSettings
from cadence.infra.redis.connecting import open_redis
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import OrganizationId, RunId, new_ulid, new_uuid
from cadence.runs.errors import TooManyStreams
from cadence.runs.keeping import LEASE_SECONDS
from cadence.runs.keys import run_slot_keys, runs_of_key
from cadence.runs.logged import LoggedEvent
from cadence.runs.opening import Runs
from cadence.runs.record import RunRecord
from cadence.runs.rescuing import SURE_AFTER, RunRescuer
from cadence.runs.slots import SLOT_SECONDS, StreamSlots
from tests.fixtures.redis_server import RedisServer, open_redis_server
from tests.fixtures.run_scene import (
    FINAL,
    a_node,
    a_record,
    begin,
    delta,
    interrupted,
    lock_of,
    open_node,
    read,
    words,
    write,
)
from tests.fixtures.stoppable_stores import Stoppable
from tests.fixtures.stoppable_stores import open_redis_server as open_stoppable_redis

# A dead process's runs must be finished in this time (issue 6).
RESCUED_WITHIN = 30.0

Story = list[LoggedEvent]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with open_redis(redis_url) as client:
        await client.flushall()
        yield client


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that the test may stop; it forgets everything, and so is the harder case."""
    with open_redis_server(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_other_node(url: str, name: str = "other") -> AsyncIterator[Runs]:
    """A node with connections of its own."""
    async with open_redis(url) as redis, open_node(redis, name, heartbeat_seconds=0.2) as runs:
        yield runs


async def test_local_and_remote_readers_hear_the_same(redis: Redis, redis_url: str) -> None:
    async with open_node(redis) as runs, open_other_node(redis_url) as other:
        record = a_record()
        writer = await begin(runs, record)
        async with asyncio.TaskGroup() as tasks:
            readers = [
                tasks.create_task(read(node, record, after=after))
                for node in (runs, other)
                for after in (0, 0, 3)
            ]
            for number in range(300):
                await writer.append(delta(f"{number} ", f"agent{number // 50}"))
                if number % 7 == 0:
                    await asyncio.sleep(0.002)
            await write(writer, FINAL)

    stories = [reader.result() for reader in readers]
    whole = stories[0]
    assert words(whole) == "".join(f"{number} " for number in range(300))
    assert [event.id for event in whole] == list(range(1, len(whole) + 1))
    assert stories == [whole, whole, whole[3:], whole, whole, whole[3:]]


async def _hop(nodes: Sequence[Runs], record: RunRecord, dice: random.Random) -> Story:
    """Read on and on from another node, leaving each after one or two batches."""
    told: Story = []
    resumes = 0
    while not told or not told[-1].is_final:
        resumes += 1
        last = told[-1].id if told else 0
        patience = dice.randrange(1, 3)
        events = dice.choice(nodes).log.read(record.organization_id, record.run_id, after=last)
        async with aclosing(events) as batches:
            async for batch in batches:
                heard = batch[: dice.randrange(1, 4)]
                told += heard
                patience -= 1
                if patience == 0 or len(heard) < len(batch):
                    break
    assert resumes > 50
    return told


async def test_readers_that_hop_between_nodes_miss_and_repeat_nothing(
    redis: Redis, redis_url: str
) -> None:
    async with open_node(redis) as runs, open_other_node(redis_url) as other:
        record = a_record()
        writer = await begin(runs, record)
        async with asyncio.TaskGroup() as tasks:
            readers = [
                tasks.create_task(_hop((runs, other), record, random.Random(seed)))  # noqa: S311  # no secret
                for seed in range(20)
            ]
            for number in range(400):
                await writer.append(delta(f"{number} ", f"agent{number // 2}"))
                await asyncio.sleep(0.002)
            await write(writer, FINAL)
        whole = await read(other, record)

    assert words(whole) == "".join(f"{number} " for number in range(400))
    assert [reader.result() for reader in readers] == [whole] * 20


@pytest.mark.slow
async def test_a_run_survives_that_redis_is_away_and_forgets(server: RedisServer) -> None:
    async with (
        open_redis(server.url) as redis,
        open_node(redis) as runs,
        open_other_node(server.url) as other,
        asyncio.TaskGroup() as tasks,
    ):
        record = a_record()
        writer = await begin(runs, record)
        remote = tasks.create_task(read(other, record))
        local = tasks.create_task(read(runs, record))
        await write(writer, delta("before "))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.stop)
        for number in range(200):
            await writer.append(delta(f"{number} "))
            await asyncio.sleep(0.02)
        await asyncio.to_thread(server.start)
        await write(writer, delta("after"), FINAL)

    whole = "before " + "".join(f"{number} " for number in range(200)) + "after"
    assert words(local.result()) == whole
    assert local.result() == remote.result()
    async with open_other_node(server.url) as later:
        assert await read(later, record) == local.result()


async def test_a_frozen_redis_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """What it was asked meanwhile it does when it thaws, and answers it to nobody."""
    with open_stoppable_redis(tmp_path) as (server, url):
        await _speak_while_frozen(server, url)


async def _speak_while_frozen(server: Stoppable, url: str) -> None:
    async with open_redis(url) as redis, open_node(redis) as runs:
        record = a_record()
        writer = await begin(runs, record)
        await write(writer, delta("0 "))
        with server.frozen():
            for number in range(1, 100):
                await writer.append(delta(f"{number} "))
                await asyncio.sleep(0.025)
        await write(writer, FINAL)

    async with open_other_node(url) as other:
        told = await read(other, record)
    assert words(told) == "".join(f"{number} " for number in range(100))
    assert [event.id for event in told] == list(range(1, len(told) + 1))


async def test_what_ended_expires(redis: Redis) -> None:
    async with open_node(redis, keep_seconds=60) as runs:
        record = a_record()
        writer = await begin(runs, record)
        await write(writer, delta("all"))
        assert await redis.ttl(writer.keys.events) > 60
        assert await redis.ttl(writer.keys.run) > 60

        await write(writer, FINAL)

        assert 50 < await redis.ttl(writer.keys.events) <= 60
        assert 50 < await redis.ttl(writer.keys.run) <= 60
        assert await redis.exists(runs_of_key("node")) == 0


async def test_a_log_that_expires_ends_its_readers(redis: Redis) -> None:
    async with open_node(redis) as runs:
        record = a_record()
        writer = await begin(runs, record)
        await write(writer, delta("all"), FINAL)
        await redis.delete(writer.keys.run, writer.keys.events)

        assert await read(runs, record) == []


async def test_slots_are_counted_once_by_all_processes(redis: Redis, redis_url: str) -> None:
    organization = OrganizationId(new_uuid())
    rates = {"streams_per_user": 7, "streams_per_organization": 50}

    async def take(slots: StreamSlots) -> bool:
        try:
            place = slots.place_of_run(
                RunId(new_ulid()),
                organization_id=organization,
                owner="ann",
                is_person=True,
                rates=rates,
            )
            await slots.take(place)
        except TooManyStreams:
            return False
        return True

    async with open_redis(redis_url) as second:
        everybody = [
            StreamSlots(client, rates=RateSettings(), streams_per_node=500)
            for client in (redis, second)
        ]
        taken = await asyncio.gather(*(take(everybody[place % 2]) for place in range(200)))

    assert sum(taken) == 7
    for key in run_slot_keys(organization, "ann"):
        assert await redis.zcard(key) == 7
        assert 0 < await redis.ttl(key) <= SLOT_SECONDS


@pytest.mark.slow
async def test_the_dead_and_the_undead_are_rescued_and_write_nothing_more(
    redis: Redis, redis_url: str
) -> None:
    killed, stopped = a_record(), a_record()
    with ExitStack() as ending:
        dying, sleeping = (
            ending.enter_context(_speaking(redis_url, f"node{place}", record))
            for place, record in enumerate((killed, stopped))
        )
        async with open_node(redis, "alive") as runs:
            settled = interrupted()
            rescuer = RunRescuer(runs, ending=settled, clock=SystemClock())
            async with rescuer.watching(), asyncio.TaskGroup() as tasks:
                readers = [tasks.create_task(read(runs, each)) for each in (killed, stopped)]
                await asyncio.sleep(1)
                dying.kill()
                sleeping.send_signal(signal.SIGSTOP)
                async with asyncio.timeout(RESCUED_WITHIN):
                    stories = [await reader for reader in readers]
            sleeping.send_signal(signal.SIGCONT)
            said, _ = await asyncio.to_thread(sleeping.communicate, timeout=30)

            assert said.endswith("\nlost, taken\nended\n")
            for story, record in zip(stories, (killed, stopped), strict=True):
                spoken = words(story).split()
                assert spoken == [str(number) for number in range(len(spoken))]
                assert len(spoken) > 10
                assert [event.name for event in story[-2:]] == ["error", "metadata"]
                assert await read(runs, record) == story
                assert not await redis.exists(lock_of(record))
            asked = {run_id: text for run_id, text, _ in settled.asked}
            assert asked == {
                killed.run_id: words(stories[0]),
                stopped.run_id: words(stories[1]),
            }
            assert len(settled.asked) == 2


async def test_a_cancel_reaches_another_process_at_once(redis: Redis, redis_url: str) -> None:
    record = a_record()
    with _speaking(redis_url, "elsewhere", record) as process:
        await a_node(redis).orders.cancel(record.organization_id, record.run_id)
        said, _ = await asyncio.to_thread(process.communicate, timeout=30)

    assert (said, process.returncode) == ("ended\n", 0)


def _speaking(url: str, node: str, record: RunRecord) -> "_Speaker":
    return _Speaker(url, node, record)


class _Speaker:
    """A process that is speaking when the block begins and is no more when it ends."""

    def __init__(self, url: str, node: str, record: RunRecord) -> None:
        said = orjson.dumps(record.fields()).decode()
        command = [sys.executable, "-m", "tests.fixtures.run_process", url, node, said]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "subprocess.Popen[str]":
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "begun\n"
        return self._process

    def __exit__(self, *failure: object) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.slow
async def test_an_outage_longer_than_the_leases_kills_nobody(tmp_path: Path) -> None:
    """All leases expire while Redis is away, and it remembers the runs when it is back."""
    with open_stoppable_redis(tmp_path) as (server, url):
        async with open_other_node(url, "first") as first, open_other_node(url, "second") as second:
            records = [a_record(), a_record()]
            writers = [
                await begin(runs, record)
                for runs, record in zip((first, second), records, strict=True)
            ]
            settled = interrupted()
            watches = [
                RunRescuer(runs, ending=settled, clock=SystemClock()) for runs in (first, second)
            ]
            async with watches[0].watching(), watches[1].watching():
                await asyncio.gather(*(write(writer, delta("before ")) for writer in writers))
                await asyncio.to_thread(server.stop)
                await asyncio.sleep(LEASE_SECONDS + 2)
                await asyncio.to_thread(server.start)
                await asyncio.sleep(2 * SURE_AFTER)
                await asyncio.gather(*(write(writer, delta("after"), FINAL) for writer in writers))

            assert settled.asked == []
            told = [await read(first, record) for record in records]
            assert [words(story) for story in told] == ["before after"] * 2
