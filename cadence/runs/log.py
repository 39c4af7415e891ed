"""A run's events in a Redis stream, readable by anybody from any point until they expire."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from redis.asyncio import Redis

from cadence.config.settings import RunSettings
from cadence.engine.events import RunClosed, RunEvent, payload
from cadence.infra.redis.connecting import BLOCK_MS
from cadence.kernel.ids import OrganizationId, RunId
from cadence.runs.errors import RunNotFound

BATCH = 500


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event as it was written; `id` counts from 1 within its run."""

    id: int
    name: str
    data: bytes

    @property
    def is_final(self) -> bool:
        """Whether nothing comes after it."""
        return self.name == RunClosed.name and self.fields.get("final") is True

    @property
    def fields(self) -> dict[str, Any]:
        """The event's `data`, decoded."""
        decoded: dict[str, Any] = orjson.loads(self.data)
        return decoded


class RunWriter:
    """Appends one run's events; only the run's own task has it."""

    def __init__(self, redis: Redis, key: str, keep: timedelta) -> None:
        self._redis = redis
        self._key = key
        self._keep = keep
        self._last = 0

    async def append(self, event: RunEvent) -> None:
        """Write the next event; the log is kept for its whole time again from the final one."""
        self._last += 1
        fields: Any = {"name": event.name, "data": orjson.dumps(payload(event))}
        await self._redis.xadd(self._key, fields, id=f"{self._last}-0")
        if self._last == 1 or isinstance(event, RunClosed):
            await self._redis.expire(self._key, self._keep)


class RunLog:
    """Opens runs for writing and reads them."""

    def __init__(self, redis: Redis, settings: RunSettings) -> None:
        self._redis = redis
        self._keep = timedelta(seconds=settings.keep_seconds)
        self._heartbeat_ms = int(settings.heartbeat_seconds * 1000)

    async def open(
        self, organization_id: OrganizationId, run_id: RunId, *, owner: str
    ) -> RunWriter:
        """Note whose run it is and return what writes it."""
        await self._redis.set(_owner_key(organization_id, run_id), owner, ex=self._keep)
        return RunWriter(self._redis, _events_key(organization_id, run_id), self._keep)

    async def require_owner(
        self, organization_id: OrganizationId, run_id: RunId, *, owner: str
    ) -> None:
        """Raise `RunNotFound` unless the run is this user's, in this organization."""
        stored = await self._redis.get(_owner_key(organization_id, run_id))
        if stored != owner.encode():
            raise RunNotFound

    async def read(
        self, organization_id: OrganizationId, run_id: RunId, *, after: int = 0
    ) -> AsyncIterator[LoggedEvent | None]:
        """Yield every event after the given id, up to the final one, waiting as needed.

        None stands for a heartbeat: nothing has happened for the time that the settings name.
        A log that has expired ends the iteration.
        """
        key, last, quiet_ms = _events_key(organization_id, run_id), after, 0
        while True:
            wait_ms = max(1, min(BLOCK_MS, self._heartbeat_ms - quiet_ms))
            answer: Any = await self._redis.xread({key: f"{last}-0"}, count=BATCH, block=wait_ms)
            quiet_ms = 0 if answer else quiet_ms + wait_ms
            if quiet_ms >= self._heartbeat_ms:
                if not await self._redis.exists(_owner_key(organization_id, run_id)):
                    return
                quiet_ms = 0
                yield None
            if not answer:
                continue
            for raw_id, fields in answer[0][1]:
                last = int(raw_id.split(b"-")[0])
                event = LoggedEvent(last, fields[b"name"].decode(), fields[b"data"])
                yield event
                if event.is_final:
                    return


def _events_key(organization_id: OrganizationId, run_id: RunId) -> str:
    return f"run:{organization_id}:{run_id}:events"


def _owner_key(organization_id: OrganizationId, run_id: RunId) -> str:
    return f"run:{organization_id}:{run_id}:owner"
