"""A conversation belongs to one run at a time."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from cadence.kernel.ids import OrganizationId, RunId, new_ulid, new_uuid
from cadence.runs.beginning import LOCK_SECONDS
from cadence.runs.claiming import give_back
from cadence.runs.errors import ConversationBusy
from cadence.runs.opening import Runs
from cadence.runs.record import RunRecord
from tests.fakes.lossy_redis import Fate, LossyCommands
from tests.fixtures.run_scene import a_node, a_record, begin, lock_of, taking


@pytest.fixture
async def redis() -> AsyncIterator[LossyCommands]:
    async with LossyCommands() as client:
        yield client


def _next_of(record: RunRecord) -> RunRecord:
    """The next run in the same conversation."""
    return replace(record, run_id=RunId(new_ulid()))


async def _release(runs: Runs, record: RunRecord) -> None:
    await give_back(runs.redis, lock_of(record), record.run_id.encode())


async def test_a_second_turn_has_to_wait_for_the_first_ones_end(redis: Redis) -> None:
    runs, first = a_node(redis), a_record()
    second = _next_of(first)
    async with taking(runs, first):
        pass
    with pytest.raises(ConversationBusy):
        async with taking(runs, second):
            pass

    await _release(runs, first)

    async with taking(runs, second) as taken:
        assert taken.run_id == second.run_id


async def test_a_turn_that_fails_to_begin_gives_it_back(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    with pytest.raises(ValueError, match="before it began"):
        async with taking(runs, record):
            raise ValueError("before it began")

    async with taking(runs, _next_of(record)):
        pass


async def test_a_late_run_does_not_free_its_successors(redis: Redis) -> None:
    runs, late = a_node(redis), a_record()
    async with taking(runs, _next_of(late)) as successor:
        await _release(runs, late)

    assert await redis.get(lock_of(late)) == successor.run_id.encode()


@pytest.mark.parametrize(
    "other",
    [{"owner": "a stranger"}, {"organization_id": OrganizationId(new_uuid())}],
    ids=["of another owner", "of another organization"],
)
async def test_nobody_else_is_kept_waiting_or_told_of_a_turn(
    redis: Redis, other: dict[str, object]
) -> None:
    runs, record = a_node(redis), a_record()
    async with taking(runs, record):
        pass

    async with taking(runs, replace(_next_of(record), **other)):  # type: ignore[arg-type]  # a row
        pass

    assert await redis.get(lock_of(record)) == record.run_id.encode()


async def test_a_conversation_whose_taking_was_not_answered_is_given_back(
    redis: LossyCommands,
) -> None:
    runs, record = a_node(redis), a_record()
    redis.fates = iter([Fate.ANSWER_LOST])
    with pytest.raises(RedisTimeoutError):
        async with taking(runs, record):
            pass

    async with taking(runs, _next_of(record)):
        pass


async def test_a_driver_that_asked_twice_has_taken_it(redis: LossyCommands) -> None:
    redis.fates = iter([Fate.ASKED_TWICE])

    async with taking(a_node(redis), a_record()):
        pass


async def test_what_went_wrong_is_told_though_nothing_can_be_given_back(
    redis: LossyCommands,
) -> None:
    redis.fates = iter([Fate.ARRIVES, Fate.QUESTION_LOST])
    with pytest.raises(ValueError, match="before it began"):
        async with taking(a_node(redis), a_record()):
            raise ValueError("before it began")


async def test_renewal_keeps_a_runs_lock_and_makes_it_anew_when_it_is_lost(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    await begin(runs, record)
    key = lock_of(record)
    await redis.expire(key, 5)
    await runs.keeper.renew()
    assert await redis.ttl(key) > LOCK_SECONDS - 5

    await redis.delete(key)
    await runs.keeper.renew()

    assert await redis.get(key) == record.run_id.encode()
    with pytest.raises(ConversationBusy):
        async with taking(runs, _next_of(record)):
            pass
