"""Which run a request belongs to that is sent with a key."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from cadence.config.settings import RunSettings
from cadence.domains.conversations.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from cadence.domains.conversations.repeating import RepeatedRequests
from cadence.domains.conversations.schemas import TurnRequest
from cadence.kernel.ids import RunId, new_ulid
from cadence.runs.opening import Runs
from cadence.runs.record import RunRecord
from tests.fakes.lossy_redis import Fate, LossyCommands
from tests.fixtures.run_scene import a_record, begin, open_node

KEY = "a key"
# Seconds after which a run that is not there is believed to be dead.
PATIENCE = 0.2


@pytest.fixture
async def redis() -> AsyncIterator[LossyCommands]:
    async with LossyCommands() as client:
        yield client


@pytest.fixture
async def runs() -> AsyncIterator[Runs]:
    async with FakeAsyncRedis() as redis, open_node(redis) as runs:
        yield runs


def _asked(message: str = "Hello") -> TurnRequest:
    return TurnRequest(instance_id=UUID(int=2), message=message)


def _requests(
    runs: Runs, record: RunRecord, *, redis: Redis | None = None, patience: float = PATIENCE
) -> RepeatedRequests:
    return RepeatedRequests(
        redis or runs.redis,
        runs.log,
        organization_id=record.organization_id,
        owner=record.owner,
        settings=RunSettings(),
        patience=patience,
    )


async def test_the_first_request_has_the_key_and_the_second_its_run(runs: Runs) -> None:
    record = a_record()
    requests = _requests(runs, record)

    first = await requests.claim(KEY, _asked(), record.run_id)
    await begin(runs, record)
    second = await requests.claim(KEY, _asked(), RunId(new_ulid()))

    assert first is None
    assert second is not None
    assert second.record == record


async def test_one_that_comes_too_early_waits_for_the_run(runs: Runs) -> None:
    record = a_record()
    requests = _requests(runs, record)
    await requests.claim(KEY, _asked(), record.run_id)

    early = asyncio.ensure_future(requests.claim(KEY, _asked(), RunId(new_ulid())))
    await asyncio.sleep(PATIENCE / 4)
    await begin(runs, record)

    found = await early
    assert found is not None
    assert found.record == record


async def test_another_body_is_refused_at_once(runs: Runs) -> None:
    record = a_record()
    requests = _requests(runs, record)
    await requests.claim(KEY, _asked(), record.run_id)

    with pytest.raises(IdempotencyKeyReused):
        await requests.claim(KEY, _asked("Bye"), RunId(new_ulid()))


async def test_a_key_that_is_given_back_is_free_for_any_body(runs: Runs) -> None:
    record = a_record()
    requests = _requests(runs, record)
    await requests.claim(KEY, _asked(), record.run_id)

    await requests.give_back(KEY, _asked(), record.run_id)

    assert await requests.claim(KEY, _asked("Bye"), RunId(new_ulid())) is None


async def test_only_its_own_run_gives_a_key_back(runs: Runs) -> None:
    record = a_record()
    requests = _requests(runs, record)
    await requests.claim(KEY, _asked(), record.run_id)

    await requests.give_back(KEY, _asked(), RunId(new_ulid()))

    with pytest.raises(IdempotencyKeyReused):
        await requests.claim(KEY, _asked("Bye"), RunId(new_ulid()))


async def test_a_run_that_was_never_opened_is_followed_by_exactly_one(runs: Runs) -> None:
    record = a_record()
    requests = _requests(runs, record)
    await requests.claim(KEY, _asked(), record.run_id)

    claims = (requests.claim(KEY, _asked(), RunId(new_ulid())) for _ in range(3))
    followed = await asyncio.gather(*claims, return_exceptions=True)

    assert followed.count(None) == 1
    assert sum(isinstance(each, IdempotencyKeyInUse) for each in followed) == 2


async def test_another_owners_key_is_another_key(runs: Runs) -> None:
    record, other = a_record(), a_record()
    await _requests(runs, record).claim(KEY, _asked(), record.run_id)
    strangers = _requests(runs, replace(other, owner="a stranger"))

    assert await strangers.claim(KEY, _asked("Bye"), other.run_id) is None


async def test_a_key_whose_taking_was_not_answered_is_free_for_any_body(
    runs: Runs, redis: LossyCommands
) -> None:
    record = a_record()
    requests = _requests(runs, record, redis=redis)
    redis.fates = iter([Fate.ANSWER_LOST])
    with pytest.raises(RedisTimeoutError):
        await requests.claim(KEY, _asked(), record.run_id)

    assert await requests.claim(KEY, _asked("Bye"), RunId(new_ulid())) is None


async def test_a_driver_that_asked_twice_has_the_key(runs: Runs, redis: LossyCommands) -> None:
    record = a_record()
    redis.fates = iter([Fate.ASKED_TWICE])

    assert await _requests(runs, record, redis=redis).claim(KEY, _asked(), record.run_id) is None


async def test_a_driver_that_asked_twice_follows_the_dead(runs: Runs, redis: LossyCommands) -> None:
    record = a_record()
    requests = _requests(runs, record, redis=redis, patience=0)
    await requests.claim(KEY, _asked(), record.run_id)
    # After those that find out whose it is: SET, GET, GET.
    redis.fates = iter([*[Fate.ARRIVES] * 3, Fate.ASKED_TWICE])

    assert await requests.claim(KEY, _asked(), RunId(new_ulid())) is None


async def test_a_key_that_cannot_be_given_back_hides_no_failure(
    runs: Runs, redis: LossyCommands
) -> None:
    record = a_record()
    requests = _requests(runs, record, redis=redis)
    await requests.claim(KEY, _asked(), record.run_id)
    # After those that find out whose it is: SET, GET, GET.
    redis.fates = iter([*[Fate.ARRIVES] * 3, Fate.QUESTION_LOST])

    with pytest.raises(IdempotencyKeyReused):
        await requests.claim(KEY, _asked("Bye"), RunId(new_ulid()))
