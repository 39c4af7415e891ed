"""Stops a run wherever it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from redis.asyncio import Redis

from cadence.kernel.ids import OrganizationId, RunId
from cadence.runs.beside import beside
from cadence.runs.keys import run_key
from cadence.runs.registry import RunRegistry
from cadence.runs.scripts import ORDER

log = structlog.get_logger(__name__)

CHANNEL = "runs:cancel"
# Seconds: less than the driver waits for an answer, and between two attempts to subscribe.
LISTEN_SECONDS = 1.0
AGAIN_SECONDS = 0.5


class RunOrders:
    """Tells the process that drives a run to stop it.

    One that does not hear it reads it when it renews the run (`RunKeeper`), within three seconds.
    """

    def __init__(self, redis: Redis, registry: RunRegistry) -> None:
        self._redis = redis
        self._registry = registry

    async def cancel(self, organization_id: OrganizationId, run_id: RunId) -> bool:
        """Stop the run, at once when it is this process's own; False when it has ended already.

        Whoever asks has found the run, and so may do it (`RunLog.find`).
        """
        if self._registry.cancel(run_id):
            return True
        key = run_key(organization_id, run_id)
        is_under_way: Any = await self._redis.eval(ORDER, 1, key)
        if not is_under_way:
            return False
        await self._redis.publish(CHANNEL, run_id)
        return True

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Follow what other processes order until the block ends."""
        async with beside(self._listen_for_ever()):
            yield

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as failure:  # noqa: BLE001  # Redis being away must not end it
                log.debug("orders_not_heard", error=type(failure).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
            await heard.subscribe(CHANNEL)
            while True:
                message = await heard.get_message(timeout=LISTEN_SECONDS)
                if message is not None and message["type"] == "message":
                    self._registry.cancel(RunId(message["data"].decode()))
