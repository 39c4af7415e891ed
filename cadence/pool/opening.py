"""Opens a pool with the task that belongs to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cadence.config.settings import PoolSettings
from cadence.kernel.clock import Clock
from cadence.kernel.own_task import own_task
from cadence.pool.pool import Pool
from cadence.pool.ports import BlueprintSource
from cadence.pool.preparing import Build
from cadence.pool.reaper import keep_cool
from cadence.pool.stock import Stock


@asynccontextmanager
async def open_pool(
    source: BlueprintSource, build: Build, *, settings: PoolSettings, clock: Clock, stock: Stock
) -> AsyncIterator[Pool]:
    """Open a pool that cools down by itself; it closes after the block."""
    pool = Pool(source, build, settings=settings, clock=clock, stock=stock)
    try:
        async with own_task(keep_cool(pool, warm_seconds=settings.warm_ttl_seconds)):
            yield pool
    finally:
        await pool.close()
