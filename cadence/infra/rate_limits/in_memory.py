"""Counts hits in this process: the `memory://` store, and what is left when Redis is away."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from limits.aio.storage import MemoryStorage

from cadence.infra.rate_limits.quotas import Bucket, Quota, Window, quota_of


class MemoryLimiter:
    """Counters that only this process sees, and that end with it."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()

    async def hit(self, *buckets: Bucket) -> Sequence[Quota]:
        """Count one hit for each bucket that has room, and tell how all of them stand."""
        return [await self._hit(bucket) for bucket in buckets]

    async def give_back(self, bucket: Bucket) -> None:
        """Take back one hit that was allowed."""
        now = time.time()
        _, current = self._storage.sliding_window_keys(bucket.key, bucket.limit.seconds, now)
        # A counter that is gone would be made anew by this, and stay for ever.
        if await self._storage.get(current):
            await self._storage.decr(current)

    async def clear(self, bucket: Bucket) -> None:
        """Forget all hits of a bucket."""
        await self._storage.clear_sliding_window(bucket.key, bucket.limit.seconds)

    async def close(self) -> None:
        """End the task by which the library sweeps what is over."""
        sweeping = self._storage.timer
        if sweeping is not None:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping

    async def _hit(self, bucket: Bucket) -> Quota:
        # Neither call ever waits for anything, so that nobody else counts in between.
        limit = bucket.limit
        allowed = await self._storage.acquire_sliding_window_entry(
            bucket.key, limit.amount, limit.seconds
        )
        stored = await self._storage.get_sliding_window(bucket.key, limit.seconds)
        return quota_of(limit, Window(*stored), allowed=allowed)
