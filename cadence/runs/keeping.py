"""Says in Redis that this process is alive, and that what it holds is still held."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cadence.runs.beginning import LOCK_SECONDS
from cadence.runs.beside import beside
from cadence.runs.commands import renewal_of
from cadence.runs.flushing import RunFlusher
from cadence.runs.keys import NODES, lease_key
from cadence.runs.registry import RunRegistry, StopReason
from cadence.runs.scripts import MISSING, TAKEN
from cadence.runs.slots import StreamSlots
from cadence.runs.writing import RunWriter

log = structlog.get_logger(__name__)

# Seconds that a process outlives its last sign, between two signs, and after one that failed.
LEASE_SECONDS = 12
RENEW_EVERY = 3.0
RENEW_AGAIN = 0.5


class RunKeeper:
    """Renews the lease of this process, and the locks and slots of its runs."""

    def __init__(
        self, redis: Redis, *, flusher: RunFlusher, registry: RunRegistry, slots: StreamSlots
    ) -> None:
        self._redis = redis
        self._flusher = flusher
        self._registry = registry
        self._slots = slots
        self._failed_at: float | None = None

    @property
    def failed_at(self) -> float | None:
        """When Redis could not be reached last, on the loop's clock; None when it always could."""
        return self._failed_at

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Renew until the block ends; then others may finish at once whatever was left over."""
        async with beside(self._renew_for_ever()):
            yield
        try:
            await self._redis.delete(lease_key(self._flusher.node))
        except (RedisError, OSError) as failure:
            log.debug("lease_left_to_expire", error=type(failure).__name__)

    async def renew(self) -> None:
        """Say once that all is held; raises what the driver raises."""
        node, held, live = self._flusher.node, self._flusher.held, self._flusher.live_seconds
        # Its types do not know that a pipeline's commands wait for `execute`.
        pipeline: Any = self._redis.pipeline(transaction=False)
        async with pipeline as said:
            said.set(lease_key(node), "1", ex=LEASE_SECONDS)
            said.sadd(NODES, node)
            for writer in held:
                said.eval(*renewal_of(writer, lock_seconds=LOCK_SECONDS, live_seconds=live))
            _, _, *answers = await said.execute()
        for writer, answer in zip(held, answers, strict=True):
            self._heed(writer, answer)
        await self._slots.renew()

    def _heed(self, writer: RunWriter, answer: int) -> None:
        if not self._flusher.is_holding(writer.run_id):
            return  # it ended while the question was under way
        if answer == TAKEN:
            self._flusher.lose(writer)
        elif answer == MISSING:
            self._flusher.restore(writer)
        elif answer == 1:
            self._registry.cancel(writer.run_id, StopReason.CANCELLED)

    async def _renew_for_ever(self) -> None:
        while True:
            try:
                await self.renew()
            except Exception as failure:  # noqa: BLE001  # Redis being away must not end it
                self._failed_at = asyncio.get_running_loop().time()
                log.debug("lease_not_renewed", error=type(failure).__name__)
                await asyncio.sleep(RENEW_AGAIN)
            else:
                await asyncio.sleep(RENEW_EVERY)
