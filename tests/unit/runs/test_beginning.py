"""A run takes its places, its conversation and its record in one step, or none of them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from cadence.kernel.ids import RunId, new_ulid
from cadence.runs.errors import ConversationBusy, TooManyStreams
from cadence.runs.keys import reader_slot_keys, run_key, run_slot_keys
from cadence.runs.opening import Runs
from cadence.runs.record import RunRecord
from cadence.runs.slots import Place
from cadence.runs.writing import RunWriter
from tests.fakes.lossy_redis import Fate, LossyCommands
from tests.fixtures.run_scene import FINAL, a_node, a_record, delta, lock_of, read, words

RATES = {"streams_per_user": 1, "streams_per_organization": 5}


@pytest.fixture
async def redis() -> AsyncIterator[LossyCommands]:
    async with LossyCommands() as client:
        yield client


def _place(runs: Runs, record: RunRecord) -> Place:
    return runs.slots.place_of_run(
        record.run_id,
        organization_id=record.organization_id,
        owner=record.owner,
        is_person=True,
        rates=RATES,
    )


def _expecting(runs: Runs, record: RunRecord) -> AbstractAsyncContextManager[Place]:
    return runs.slots.expecting(
        organization_id=record.organization_id, owner=record.owner, is_person=True, rates=RATES
    )


def _taking(
    runs: Runs, record: RunRecord, reader: Place | None = None
) -> AbstractAsyncContextManager[RunWriter]:
    return runs.beginning.taking(record, run=_place(runs, record), reader=reader)


async def _holds_nothing(redis: Redis, record: RunRecord) -> bool:
    slots = run_slot_keys(record.organization_id, record.owner)
    readers = reader_slot_keys(record.organization_id, record.owner)
    return await redis.exists(lock_of(record), *slots, *readers) == 0


async def test_a_run_that_has_begun_can_be_written_and_read(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    async with _taking(runs, record) as writer:
        await writer.append(delta("said"))
        await writer.append(FINAL)
    await runs.flusher.flush()

    assert words(await read(a_node(redis, "other"), record)) == "said"
    assert await _holds_nothing(redis, record)


async def test_its_reader_holds_a_place_until_it_leaves(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    async with _expecting(runs, record) as reader:
        async with _taking(runs, record, reader):
            pass
        for key in reader_slot_keys(record.organization_id, record.owner):
            assert await redis.zcard(key) == 1

    for key in reader_slot_keys(record.organization_id, record.owner):
        assert await redis.zcard(key) == 0
    assert await redis.get(lock_of(record)) == record.run_id.encode()


async def test_a_run_without_room_takes_nothing_else(redis: Redis) -> None:
    runs, first = a_node(redis), a_record()
    second = a_record(organization_id=first.organization_id, owner=first.owner)
    async with _taking(runs, first):
        pass

    async with _expecting(runs, second) as reader:
        with pytest.raises(TooManyStreams, match="No more than 1 may be under way at once"):
            async with _taking(runs, second, reader):
                pytest.fail("it has begun")

    assert await redis.exists(lock_of(second)) == 0
    assert await redis.exists(run_key(second.organization_id, second.run_id)) == 0
    assert await redis.exists(*reader_slot_keys(second.organization_id, second.owner)) == 0
    assert not runs.flusher.is_holding(second.run_id)


async def test_a_reader_without_room_is_told_its_own_limit(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    async with _expecting(runs, record) as reader:
        for key in reader.keys:
            await redis.zadd(key, {"one": 1e12, "two": 1e12})

        with pytest.raises(TooManyStreams, match="No more than 2 may be under way at once"):
            async with _taking(runs, record, reader):
                pytest.fail("it has begun")


async def test_a_busy_conversation_costs_no_place(redis: Redis) -> None:
    runs, first = a_node(redis), a_record()
    await redis.set(lock_of(first), "another")

    with pytest.raises(ConversationBusy):
        async with _taking(runs, first):
            pytest.fail("it has begun")

    assert await redis.exists(*run_slot_keys(first.organization_id, first.owner)) == 0
    assert await redis.get(lock_of(first)) == b"another"


@pytest.mark.parametrize("fate", [Fate.QUESTION_LOST, Fate.ANSWER_LOST])
async def test_what_was_taken_without_an_answer_is_given_back(
    redis: LossyCommands, fate: Fate
) -> None:
    runs, record = a_node(redis), a_record()
    redis.fates = iter([fate])
    async with _expecting(runs, record) as reader:
        with pytest.raises(RedisTimeoutError):
            async with _taking(runs, record, reader):
                pytest.fail("it has begun")

    assert await _holds_nothing(redis, record)
    assert not runs.flusher.is_holding(record.run_id)


async def test_a_driver_that_asked_twice_has_begun_once(redis: LossyCommands) -> None:
    runs, record = a_node(redis), a_record()
    redis.fates = iter([Fate.ASKED_TWICE])

    async with _taking(runs, record):
        pass

    for key in run_slot_keys(record.organization_id, record.owner):
        assert await redis.zcard(key) == 1


async def test_a_block_that_fails_gives_back_what_was_the_runs(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    with pytest.raises(ValueError, match="before it began"):
        async with _taking(runs, record):
            raise ValueError("before it began")

    assert await _holds_nothing(redis, record)
    async with _taking(runs, replace(record, run_id=RunId(new_ulid()))):
        pass
