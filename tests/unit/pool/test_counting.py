"""What the pool tells of itself is what has happened."""

import asyncio

import pytest

from cadence.pool.counting import PoolCounters
from cadence.pool.pool import Pool
from cadence.pool.ports import Key
from cadence.pool.stock import Stock
from cadence.pool.tiers import Tier
from tests.unit.pool.workshop import Broken, Workshop


async def _use(pool: Pool, key: Key) -> None:
    async with pool.lease(*key, build_hash="1"):
        pass


async def test_hits_misses_builds_and_evictions_are_counted() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1)
    first, second = workshop.key(), workshop.key()

    for key in (first, first, second, first):
        await _use(pool, key)

    told = pool.stats()
    assert (told.hits, told.misses, told.builds) == (1, 3, 3)
    assert (told.evictions, told.build_failures) == (2, 0)
    assert (told.hot, told.warm, told.shared.models) == (1, 1, 1)
    assert told.build_ms_p50 is not None
    assert told.build_ms_p95 is not None
    assert told.build_ms_p50 <= told.build_ms_p95


async def test_a_reload_is_no_eviction_and_no_miss() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(max_hot=1), workshop.key()
    await pool.load(key, Tier.HOT)
    workshop.hashes[key] = "2"

    await pool.reload(key)

    told = pool.stats()
    assert (told.evictions, told.misses, told.builds, told.hot) == (0, 0, 2, 1)


async def test_a_build_that_fails_is_counted_as_such() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.broken.add("1")
    with pytest.raises(Broken):
        await _use(pool, key)

    told = pool.stats()
    assert (told.builds, told.build_failures) == (0, 1)
    assert told.build_ms_p50 is None


def test_a_build_that_is_cancelled_neither_failed_nor_succeeded() -> None:
    counters = PoolCounters()

    with pytest.raises(asyncio.CancelledError), counters.building():
        raise asyncio.CancelledError

    told = counters.statistics(hot=0, warm=0, draining=0, shared=Stock().counts)
    assert (told.builds, told.build_failures) == (0, 0)
