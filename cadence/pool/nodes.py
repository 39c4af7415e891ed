"""Which processes hold an orchestrator, as each of them says in Redis."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from redis.asyncio import Redis

from cadence.kernel.clock import Clock
from cadence.kernel.ids import new_ulid
from cadence.pool.pool import Pool
from cadence.pool.ports import Key
from cadence.pool.tiers import Tier

log = structlog.get_logger(__name__)

NODES = "pool:nodes"
# Seconds between two reports of a process, and how long one that is silent is believed.
REPORT_EVERY = 2.0
BELIEVED_FOR = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One process that has an orchestrator warm or hot; `node` is its host and process id."""

    node: str
    tier: Tier
    build_hash: str


class NodeBoard:
    """Reports what this process holds, and reads what all of them do."""

    def __init__(self, redis: Redis, pool: Pool, clock: Clock) -> None:
        self._redis = redis
        self._pool = pool
        self._clock = clock
        # The end tells two containers apart that have the same host name and process id.
        self.node = f"{socket.gethostname()}:{os.getpid()}:{new_ulid()[-4:]}"

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report until the block ends."""
        async with asyncio.TaskGroup() as tasks:
            reporting = tasks.create_task(self._report_often())
            try:
                yield
            finally:
                reporting.cancel()

    async def report(self) -> None:
        """Say what this process holds now."""
        held = {
            _field(key): orjson.dumps([entry.tier, entry.build_hash])
            for key, entry in self._pool.held().items()
        }
        name, now = _name(self.node), self._clock.now().timestamp()
        # Its types do not know that a pipeline's commands wait for `execute`.
        pipeline: Any = self._redis.pipeline(transaction=True)
        async with pipeline as said:
            said.delete(name)
            if held:
                said.hset(name, mapping=held)
                said.expire(name, BELIEVED_FOR)
            said.zadd(NODES, {self.node: now + BELIEVED_FOR})
            said.zremrangebyscore(NODES, 0, now)
            await said.execute()

    async def holders(self, key: Key) -> Sequence[Holder]:
        """Return who holds an orchestrator, by name; reports this process first."""
        await self.report()
        now = self._clock.now().timestamp()
        alive: Any = await self._redis.zrangebyscore(NODES, now, "+inf")
        pipeline: Any = self._redis.pipeline(transaction=False)
        async with pipeline as asked:
            for node in alive:
                asked.hget(_name(node.decode()), _field(key))
            answers = await asked.execute()
        found = zip(alive, answers, strict=True)
        return sorted(
            (_holder(node.decode(), raw) for node, raw in found if raw is not None),
            key=lambda holder: holder.node,
        )

    async def _report_often(self) -> None:
        while True:
            try:
                await self.report()
            except Exception as failure:  # noqa: BLE001  # Redis being away must not end it
                log.debug("node_not_reported", error=type(failure).__name__)
            await asyncio.sleep(REPORT_EVERY)


def _holder(node: str, raw: bytes) -> Holder:
    tier, build_hash = orjson.loads(raw)
    return Holder(node=node, tier=Tier(tier), build_hash=build_hash)


def _name(node: str) -> str:
    return f"pool:node:{node}"


def _field(key: Key) -> str:
    return f"{key[0]}:{key[1]}"
