"""A run's events in a Redis stream, readable by anybody from any point until they expire."""

import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cadence.config.settings import RunSettings
from cadence.kernel.ids import OrganizationId, RunId, new_ulid
from cadence.runs.commands import forgetting_of
from cadence.runs.errors import RunLogLost, RunNotFound
from cadence.runs.flushing import RunFlusher
from cadence.runs.keys import run_key
from cadence.runs.logged import LoggedEvent
from cadence.runs.reading import RunReader
from cadence.runs.record import RunRecord, RunState
from cadence.runs.writing import RunWriter

__all__ = ["LoggedEvent", "RunLog", "RunWriter"]

log = structlog.get_logger(__name__)

# A ULID as `new_ulid` writes it. Any other text could name what Redis keeps beside a run.
_RUN_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class RunLog:
    """Opens runs for writing and reads them."""

    def __init__(self, redis: Redis, settings: RunSettings, flusher: RunFlusher) -> None:
        self._redis = redis
        self._settings = settings
        self._flusher = flusher

    def prepare(self, record: RunRecord) -> RunWriter:
        """Return what writes a run that Redis is about to be told of.

        Give it to `discard` or to `leave` if the run never begins.
        """
        writer = RunWriter(
            record,
            token=new_ulid(),
            node=self._flusher.node,
            max_bytes=self._settings.max_bytes,
            mark=self._flusher.mark,
        )
        self._flusher.hold(writer)
        return writer

    async def discard(self, writer: RunWriter) -> None:
        """Forget a run whose turn never began.

        While Redis is away it is dropped here, and `RunRescuer` finds later that it has no message.
        """
        self._flusher.drop(writer)
        writer.fail(RunLogLost())
        try:
            await self._redis.eval(*forgetting_of(writer, keep_seconds=self._settings.keep_seconds))
        except (RedisError, OSError) as failure:
            log.warning("run_not_forgotten", run_id=writer.run_id, error=type(failure).__name__)

    def leave(self, writer: RunWriter) -> None:
        """Let go of a run of which nobody knows whether its turn began; `RunRescuer` finds out."""
        self._flusher.drop(writer)
        writer.fail(RunLogLost())

    async def find(self, organization_id: OrganizationId, run_id: RunId, *, owner: str) -> RunState:
        """Return a run; raises `RunNotFound` for a foreign one and one that has expired."""
        if _RUN_ID.fullmatch(run_id) is None:
            raise RunNotFound
        fields: Any = await self._redis.hgetall(run_key(organization_id, run_id))
        if fields.get(b"owner") != owner.encode():
            raise RunNotFound
        return RunState(record=RunRecord.of(fields), is_ended=fields.get(b"state") == b"ended")

    def read(
        self, organization_id: OrganizationId, run_id: RunId, *, after: int = 0
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Yield batches of all events after the given id, up to the final one, waiting as needed.

        An empty batch is a heartbeat: nothing has happened for the time that the settings name.
        A log that has expired ends the iteration; whoever leaves before the end closes it. Raises
        what the driver raises when Redis is away for longer than `reading.AWAY_SECONDS`.
        """
        reader = RunReader(
            self._redis,
            organization_id=organization_id,
            run_id=run_id,
            tail=self._flusher.find_tail(organization_id, run_id),
            heartbeat=self._settings.heartbeat_seconds,
        )
        return reader.read(after)
