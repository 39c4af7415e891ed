"""A conversation belongs to one run at a time."""

from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from cadence.kernel.ids import new_uuid
from cadence.runs.conversation_lock import LOCK_SECONDS
from cadence.runs.errors import ConversationBusy
from cadence.runs.keys import lock_key
from tests.fixtures.run_scene import a_node, a_record


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with FakeAsyncRedis() as client:
        yield client


async def test_a_second_turn_has_to_wait_for_the_first_ones_end(redis: Redis) -> None:
    lock, conversation = a_node(redis).lock, new_uuid()
    async with lock.taking(conversation) as taken:
        pass
    with pytest.raises(ConversationBusy):
        async with lock.taking(conversation):
            pass

    await lock.release(taken.conversation_id, taken.run_id)

    async with lock.taking(conversation) as next_one:
        assert next_one.run_id != taken.run_id


async def test_a_turn_that_fails_to_begin_gives_it_back(redis: Redis) -> None:
    lock, conversation = a_node(redis).lock, new_uuid()
    with pytest.raises(ValueError, match="before it began"):
        async with lock.taking(conversation):
            raise ValueError("before it began")

    async with lock.taking(conversation):
        pass


async def test_a_late_run_does_not_free_its_successors(redis: Redis) -> None:
    lock, record = a_node(redis).lock, a_record()
    async with lock.taking(record.conversation_id) as successor:
        await lock.release(record.conversation_id, record.run_id)

    assert await redis.get(lock_key(record.conversation_id)) == successor.run_id.encode()


async def test_renewal_keeps_a_runs_lock_and_makes_it_anew_when_it_is_lost(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    async with runs.lock.taking(record.conversation_id, run_id=record.run_id):
        await runs.log.open(record)
    key = lock_key(record.conversation_id)
    await redis.expire(key, 5)
    await runs.keeper.renew()
    assert await redis.ttl(key) > LOCK_SECONDS - 5

    await redis.delete(key)
    await runs.keeper.renew()

    assert await redis.get(key) == record.run_id.encode()
    with pytest.raises(ConversationBusy):
        async with runs.lock.taking(record.conversation_id):
            pass
