"""Takes one run over from a process that has died, and ends it as every run ends."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from cadence.engine.events import RunClosed, RunError, RunOpened
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId, RunId, new_ulid
from cadence.runs.commands import forgetting_of
from cadence.runs.keys import events_key, member_of, run_key, runs_of_key
from cadence.runs.opening import Runs
from cadence.runs.ports import Ending, Settled
from cadence.runs.reading import read_all
from cadence.runs.record import RunRecord
from cadence.runs.scripts import TAKE
from cadence.runs.writing import RunWriter


class RunAdopter:
    """Whatever it does may be done again: it may itself die anywhere in between."""

    def __init__(self, runs: Runs, *, ending: Ending, clock: Clock) -> None:
        self._redis = runs.redis
        self._flusher = runs.flusher
        self._ending = ending
        self._clock = clock

    async def finish(self, node: str, organization_id: OrganizationId, run_id: RunId) -> None:
        """End a run of this node, unless it has ended; raises what the stores raise."""
        token = new_ulid()
        fields = await self._take(run_key(organization_id, run_id), token)
        if not fields:
            member = member_of(organization_id, run_id)
            await self._redis.srem(runs_of_key(node), member)
            return
        record = RunRecord.of(fields)
        said = await read_all(self._redis, events_key(organization_id, run_id))
        usage = orjson.loads(fields[b"usage"]) if b"usage" in fields else None
        writer = self._adopt(record, token=token, node=node, last=said[-1].id if said else 0)
        settled = await self._ending.settle(record, said, usage)
        if settled is None:
            keep = self._flusher.keep_seconds
            await self._redis.eval(*forgetting_of(writer, keep_seconds=keep))
        else:
            has_erred = any(event.name == RunError.name for event in said)
            error = None if has_erred else settled.error
            await self._close(writer, replace(settled, error=error))

    async def _take(self, key: str, token: str) -> Mapping[bytes, bytes]:
        flat: Any = await self._redis.eval(TAKE, 1, key, token)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def _adopt(self, record: RunRecord, *, token: str, node: str, last: int) -> RunWriter:
        return RunWriter(
            record,
            token=token,
            node=node,
            max_bytes=self._flusher.max_bytes,
            mark=self._flusher.mark,
            last=last,
        )

    async def _close(self, writer: RunWriter, settled: Settled) -> None:
        self._flusher.hold(writer)
        try:
            await self._say_the_end(writer, settled)
        except BaseException:
            self._flusher.drop(writer)
            raise

    async def _say_the_end(self, writer: RunWriter, settled: Settled) -> None:
        record = writer.record
        if not writer.has_begun:
            await writer.append(
                RunOpened(
                    run_id=record.run_id,
                    conversation_id=str(record.conversation_id),
                    instance_id=str(record.orchestrator_id),
                )
            )
        if settled.rest is not None:
            await writer.append(settled.rest)
        if settled.error is not None:
            await writer.append(settled.error)
        lasted = self._clock.now() - record.started_at
        await writer.append(
            RunClosed(
                outcome=settled.outcome,
                usage=settled.usage,
                duration_ms=max(0, int(lasted.total_seconds() * 1000)),
            )
        )
        await writer.settle()
