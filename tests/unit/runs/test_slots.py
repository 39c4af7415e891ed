"""No more runs and readers at once than a person, an organization and a process may have."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from cadence.config.settings import RateSettings
from cadence.kernel.ids import OrganizationId, RunId, new_ulid, new_uuid
from cadence.runs.errors import NodeFull, TooManyStreams
from cadence.runs.keys import run_slot_keys
from cadence.runs.slots import SLOT_SECONDS, StreamSlots
from tests.fakes.lossy_redis import LossyRedis

ORGANIZATION = OrganizationId(new_uuid())
RATES = {"streams_per_user": 2, "streams_per_organization": 3}


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with FakeAsyncRedis() as client:
        yield client


@pytest.fixture
def slots(redis: Redis) -> StreamSlots:
    return StreamSlots(redis, rates=RateSettings(), streams_per_node=5)


async def _take(slots: StreamSlots, owner: str, *, is_person: bool = True) -> RunId:
    run_id = RunId(new_ulid())
    place = slots.place_of_run(
        run_id, organization_id=ORGANIZATION, owner=owner, is_person=is_person, rates=RATES
    )
    await slots.take(place)
    return run_id


async def test_a_person_has_so_many_runs_at_once(slots: StreamSlots) -> None:
    first = await _take(slots, "ann")
    await _take(slots, "ann")
    with pytest.raises(TooManyStreams, match="No more than 2 may be"):
        await _take(slots, "ann")

    await slots.release_run(first, organization_id=ORGANIZATION, owner="ann")

    await _take(slots, "ann")


async def test_all_people_of_an_organization_share_its_limit(slots: StreamSlots) -> None:
    for owner in ("ann", "ben", "cid"):
        await _take(slots, owner)

    with pytest.raises(TooManyStreams, match="No more than 3 may be"):
        await _take(slots, "dan")


async def test_a_service_key_is_bounded_by_the_organization_alone(slots: StreamSlots) -> None:
    for _ in range(3):
        await _take(slots, "key", is_person=False)

    with pytest.raises(TooManyStreams, match="this organization"):
        await _take(slots, "key", is_person=False)


async def test_another_organization_is_not_counted(slots: StreamSlots) -> None:
    for owner in ("ann", "ben", "cid"):
        await _take(slots, owner)

    place = slots.place_of_run(
        RunId(new_ulid()),
        organization_id=OrganizationId(new_uuid()),
        owner="ann",
        is_person=True,
        rates=RATES,
    )
    await slots.take(place)


async def test_a_slot_of_a_process_that_is_gone_is_free_again(
    slots: StreamSlots, redis: Redis
) -> None:
    await _take(slots, "ann")
    await _take(slots, "ann")
    for key in run_slot_keys(ORGANIZATION, "ann"):
        held: Any = await redis.zrange(key, 0, -1, withscores=True)
        for member, expiry in held:
            await redis.zadd(key, {member: expiry - SLOT_SECONDS - 1})

    await _take(slots, "ann")


async def test_renewing_keeps_what_is_held(slots: StreamSlots, redis: Redis) -> None:
    await _take(slots, "ann")
    await _take(slots, "ann")
    await redis.flushall()

    await slots.renew()

    with pytest.raises(TooManyStreams):
        await _take(slots, "ann")


async def test_a_renewal_that_comes_too_late_takes_nothing_anew() -> None:
    async with LossyRedis() as redis:
        slots = StreamSlots(redis, rates=RateSettings(), streams_per_node=5)
        run_id = await _take(slots, "ann")

        async def give_back_first() -> None:
            await slots.release_run(run_id, organization_id=ORGANIZATION, owner="ann")

        redis.before_next = give_back_first
        await slots.renew()

        assert await redis.exists(*run_slot_keys(ORGANIZATION, "ann")) == 0


async def test_readers_are_twice_as_many_as_runs(slots: StreamSlots) -> None:
    full = asyncio.Event()
    done = asyncio.Event()
    inside: list[int] = []

    async def sit(owner: str = "ann") -> None:
        async with slots.reading(
            organization_id=ORGANIZATION, owner=owner, is_person=True, rates=RATES
        ):
            inside.append(1)
            if len(inside) == 4:
                full.set()
            await done.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(sit())
        await full.wait()
        with pytest.raises(TooManyStreams, match="No more than 4"):
            await sit()
        done.set()
    inside.clear()
    await sit()


async def test_a_full_process_takes_no_reader(redis: Redis) -> None:
    slots = StreamSlots(redis, rates=RateSettings(), streams_per_node=1)
    asked = {"organization_id": ORGANIZATION, "is_person": True, "rates": {}}

    async with slots.reading(owner="ann", **asked):  # type: ignore[arg-type]  # as one dictionary
        with pytest.raises(NodeFull):
            async with slots.reading(owner="ben", **asked):  # type: ignore[arg-type]  # as above
                pass
    async with slots.reading(owner="ben", **asked):  # type: ignore[arg-type]  # as above
        pass
