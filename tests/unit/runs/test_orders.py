"""A run is cancelled from any node."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from cadence.kernel.ids import RunId, new_ulid
from cadence.runs.keys import run_key
from cadence.runs.opening import Runs
from cadence.runs.orders import CHANNEL
from cadence.runs.record import RunRecord
from cadence.runs.registry import RunScope, StopReason
from tests.fixtures.run_scene import FINAL, a_node, a_record, begin, open_node, write


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with FakeAsyncRedis() as client:
        yield client


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _start(runs: Runs, record: RunRecord) -> "asyncio.Future[StopReason | None]":
    writer = await begin(runs, record)
    stopped: asyncio.Future[StopReason | None] = asyncio.get_running_loop().create_future()

    async def work(scope: RunScope) -> None:
        await scope.run(_for_ever)
        await write(writer, FINAL)
        stopped.set_result(scope.reason)

    runs.registry.start(record.run_id, work)
    return stopped


@pytest.mark.parametrize("who", ["its own node", "another node"])
async def test_a_run_stops_at_once(redis: Redis, who: str) -> None:
    async with open_node(redis) as runs, asyncio.timeout(5):
        record = a_record()
        stopped = await _start(runs, record)
        while not (await redis.pubsub_numsub(CHANNEL))[0][1]:  # noqa: ASYNC110  # Redis tells only if asked
            await asyncio.sleep(0.01)
        orders = runs.orders if who == "its own node" else a_node(redis, "other").orders

        assert await orders.cancel(record.organization_id, record.run_id)

        assert await stopped is StopReason.CANCELLED
        assert not await orders.cancel(record.organization_id, record.run_id)


async def test_an_order_that_was_not_heard_is_read_at_the_next_renewal(redis: Redis) -> None:
    async with open_node(redis) as runs, asyncio.timeout(5):
        record = a_record()
        stopped = await _start(runs, record)
        await redis.hset(run_key(record.organization_id, record.run_id), "cancel", "1")

        await runs.keeper.renew()

        assert await stopped is StopReason.CANCELLED


async def test_a_run_that_nobody_knows_cannot_be_cancelled(redis: Redis) -> None:
    orders = a_node(redis).orders

    assert not await orders.cancel(a_record().organization_id, RunId(new_ulid()))
