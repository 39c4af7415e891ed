"""Follows one run's events: from memory where the run is of this process, else from Redis."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from cadence.infra.redis.connecting import BLOCK_MS
from cadence.kernel.ids import OrganizationId, RunId
from cadence.runs.heartbeat import Heartbeat
from cadence.runs.keys import events_key, run_key
from cadence.runs.logged import LoggedEvent
from cadence.runs.tail import RunTail

BATCH = 500
# Seconds that a reader waits for a Redis that is away, and between two attempts.
AWAY_SECONDS = 60.0
AGAIN_SECONDS = 0.5
# Seconds for which a run that was there may be missing: a Redis that has lost everything is told of
# it anew within the three seconds of `RunKeeper`.
MISSING_SECONDS = 8.0


class RunReader:
    """One reader of one run."""

    def __init__(
        self,
        redis: Redis,
        *,
        organization_id: OrganizationId,
        run_id: RunId,
        tail: RunTail | None,
        heartbeat: float,
    ) -> None:
        self._redis = redis
        self._run = run_key(organization_id, run_id)
        self._events = events_key(organization_id, run_id)
        self._tail = tail
        self._heartbeat = heartbeat
        self._last = 0
        self._was_there = tail is not None
        self._has_asked = False
        self._away_since: float | None = None
        self._missing_since: float | None = None

    async def read(self, after: int) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Yield batches; the empty one is a heartbeat."""
        self._last = after
        beat = Heartbeat(self._heartbeat)
        try:
            while True:
                batch = await self._next(beat)
                if batch is None:
                    return
                if batch:
                    self._last = batch[-1].id
                elif not beat.is_due:
                    continue
                beat.put_off()
                yield batch
                if batch and batch[-1].is_final:
                    return
        finally:
            beat.stop()

    async def _next(self, beat: Heartbeat) -> Sequence[LoggedEvent] | None:
        """Return what is new, nothing when the wait was in vain, None when there is no more."""
        tail = self._tail
        if tail is None:
            return await self._from_redis(beat)
        if tail.has_forgotten(self._last):
            return await self._catch_up(tail, beat)
        newer = tail.since(self._last)
        if newer or beat.is_due:
            return newer
        if tail.is_closed:
            self._tail = None
            return ()
        waiter = tail.waiter()
        try:
            await beat.wait(waiter)
        finally:
            tail.leave(waiter)
        return tail.since(self._last)

    async def _catch_up(self, tail: RunTail, beat: Heartbeat) -> Sequence[LoggedEvent]:
        try:
            older = await self._read_batch()
        except (RedisError, OSError) as failure:
            await self._wait_for_redis(failure, beat)
            return ()
        self._away_since = None
        if not older:
            # A Redis that has lost everything holds no more than is here.
            self._last = tail.first - 1
        return older

    async def _from_redis(self, beat: Heartbeat) -> Sequence[LoggedEvent] | None:
        block = max(1, min(BLOCK_MS, int(beat.left * 1000))) if self._has_asked else None
        try:
            batch = await self._read_batch(block)
            self._has_asked = True
            state: Any = b"running" if batch else await self._redis.hget(self._run, "state")
            if state == b"ended":
                # The end may have come between the two questions.
                return await self._read_batch() or None
        except (RedisError, OSError) as failure:
            await self._wait_for_redis(failure, beat)
            return ()
        self._away_since = None
        return batch if self._is_there(state) else None

    async def _read_batch(self, block: int | None = None) -> Sequence[LoggedEvent]:
        answer: Any = await self._redis.xread(
            {self._events: f"{self._last}-0"}, count=BATCH, block=block
        )
        if not answer:
            return ()
        return [_event_of(raw, fields) for raw, fields in answer[0][1]]

    async def _wait_for_redis(self, failure: Exception, beat: Heartbeat) -> None:
        now = asyncio.get_running_loop().time()
        self._away_since = self._away_since or now
        if now - self._away_since > AWAY_SECONDS:
            raise failure
        await asyncio.sleep(max(0.0, min(AGAIN_SECONDS, beat.left)))

    def _is_there(self, state: bytes | None) -> bool:
        if state is not None:
            self._was_there, self._missing_since = True, None
            return True
        now = asyncio.get_running_loop().time()
        self._missing_since = self._missing_since or now
        return self._was_there and now - self._missing_since < MISSING_SECONDS


async def read_all(redis: Redis, key: str) -> Sequence[LoggedEvent]:
    """Return a whole log; raises what the driver raises."""
    entries: Any = await redis.xrange(key)
    return [_event_of(raw, fields) for raw, fields in entries]


def _event_of(raw: bytes, fields: Mapping[bytes, bytes]) -> LoggedEvent:
    return LoggedEvent(int(raw.split(b"-")[0]), fields[b"name"].decode(), fields[b"data"])
