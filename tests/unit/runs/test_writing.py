"""A writer waits when it must, for no longer than it may."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from cadence.runs.errors import RunLogLost
from cadence.runs.writing import FULL_BYTES, RunWriter
from tests.fakes.lossy_redis import Fate, LossyRedis
from tests.fixtures.run_scene import FINAL, a_node, a_record, begin, delta, read, words


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with FakeAsyncRedis() as client:
        yield client


def _unflushed() -> RunWriter:
    return RunWriter(
        a_record(), token="mine", node="n", max_bytes=10**9, mark=lambda _: None, patience=0.05
    )


async def test_who_says_more_than_is_flushed_has_to_wait(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    writer = await begin(runs, record)
    piece = "x" * (FULL_BYTES // 4)

    async def speak() -> None:
        for _ in range(6):
            await writer.append(delta(piece))
        await writer.append(FINAL)

    async with asyncio.TaskGroup() as tasks:
        speaking = tasks.create_task(speak())
        await asyncio.sleep(0.01)
        assert not speaking.done()
        while not speaking.done():
            await runs.flusher.flush()
            await asyncio.sleep(0)
    await runs.flusher.flush()

    assert len(words(await read(a_node(redis, "other"), record))) == 6 * len(piece)


async def test_what_cannot_be_stored_is_given_up_at_last() -> None:
    writer = _unflushed()
    await writer.append(delta("said"))

    with pytest.raises(RunLogLost):
        await writer.settle()

    assert writer.tail.is_closed
    with pytest.raises(RunLogLost):
        await writer.append(delta("and more"))


async def test_a_full_writer_gives_up_too() -> None:
    writer = _unflushed()

    with pytest.raises(RunLogLost):
        await writer.append(delta("x" * (FULL_BYTES + 1)))


async def test_a_run_has_not_ended_while_its_end_waits_behind_a_lost_answer() -> None:
    async with LossyRedis() as redis:
        runs, record = a_node(redis), a_record()
        writer = await begin(runs, record)
        redis.fates = iter([Fate.ANSWER_LOST])
        await writer.append(delta("said"))
        await runs.flusher.flush()
        await writer.append(FINAL)

        await runs.flusher.flush()
        found = await runs.log.find(record.organization_id, record.run_id, owner=record.owner)
        assert (found.is_ended, await redis.xlen(writer.keys.events)) == (False, 1)

        await runs.flusher.flush()
        found = await runs.log.find(record.organization_id, record.run_id, owner=record.owner)
        assert (found.is_ended, await redis.xlen(writer.keys.events)) == (True, 2)
