"""Appends one run's events; only the run's own task has the writer."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from cadence.engine.events import MessageDelta, RunClosed, RunError, RunEvent
from cadence.kernel.errors import CadenceError
from cadence.kernel.ids import RunId
from cadence.runs.errors import RunLogLost, RunTooLarge
from cadence.runs.joining import Backlog, encode
from cadence.runs.keys import RunKeys
from cadence.runs.logged import LoggedEvent
from cadence.runs.record import RunRecord
from cadence.runs.tail import RunTail

# How long Redis may be away before a run's events are given up: twice the outage that a run must
# survive (SECURITY.md §7.1).
SETTLE_SECONDS = 60.0
# With so many bytes waiting, whoever says more waits too: half a minute of a very fast model.
FULL_BYTES = 1_048_576


class RunWriter:
    """Buffers what one run says until the flusher has made it durable.

    `token` is what Redis knows the writer by; `last` is the newest event of the log when the
    writer goes on for a process that has died.
    """

    def __init__(
        self,
        record: RunRecord,
        *,
        token: str,
        node: str,
        max_bytes: int,
        mark: Callable[["RunWriter"], None],
        last: int = 0,
        patience: float = SETTLE_SECONDS,
    ) -> None:
        self.record = record
        self.token = token
        self.node = node
        self.keys = RunKeys.of(record, node)
        self.tail = RunTail(last)
        self._max_bytes = max_bytes
        self._mark = mark
        self._patience = patience
        self._last = last
        self._said_bytes = 0
        self._backlog = Backlog()
        self._in_flight: list[LoggedEvent] = []
        self._usage: bytes | None = None
        self._failure: CadenceError | None = None
        self._is_final_said = False
        self._is_urgent = False
        self._said_last = ""
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def run_id(self) -> RunId:
        """The run's id."""
        return self.record.run_id

    @property
    def has_begun(self) -> bool:
        """Whether anything was said yet."""
        return self._last > 0 or bool(self._backlog)

    @property
    def is_final_said(self) -> bool:
        """Whether nothing more will be said."""
        return self._is_final_said

    @property
    def is_all_taken(self) -> bool:
        """Whether what `take` returns goes to the final event."""
        return self._is_final_said and not self._backlog

    @property
    def is_failed(self) -> bool:
        """Whether it takes nothing more, since what it says is stored nowhere."""
        return self._failure is not None

    @property
    def is_urgent(self) -> bool:
        """Whether more waits than the continuation of an answer."""
        return self._is_urgent

    @property
    def is_behind(self) -> bool:
        """Whether Redis lacks some of what was said."""
        return bool(self._in_flight) or bool(self._backlog)

    async def append(self, event: RunEvent) -> None:
        """Take the next event; waits only while too much waits already.

        Raises `RunTooLarge` past `run.max_bytes`, though never for the events of the end,
        `RunTaken` when another process has finished this run, and `RunLogLost`.
        """
        self._require_writable()
        encoded = encode(event)
        self._said_bytes += len(encoded)
        if self._said_bytes > self._max_bytes and not isinstance(event, RunError | RunClosed):
            raise RunTooLarge(self._max_bytes)
        self._backlog.push(event, encoded)
        self._is_final_said = isinstance(event, RunClosed)
        self._is_urgent |= not (event.name == self._said_last == MessageDelta.name)
        self._said_last = event.name
        self._mark(self)
        if self._backlog.size > FULL_BYTES:
            await self._wait(lambda: self._backlog.size > FULL_BYTES)

    def note_usage(self, usage: Mapping[str, Any]) -> None:
        """Keep this with the next flush, for whoever must finish the run."""
        self._usage = orjson.dumps(usage)

    async def settle(self) -> None:
        """Wait until all that was said is durable; raises `RunTaken` or `RunLogLost`."""
        self._require_writable()
        await self._wait(lambda: self.is_behind)

    def take(self) -> tuple[list[LoggedEvent], bytes]:
        """Return what Redis lacks, and the usage; for the flusher.

        What was taken once keeps its ids and bytes, so that a second attempt can be told from new
        events; these wait, and are joined, until the first ones are known to be durable.
        """
        if not self._in_flight:
            self._in_flight = self._backlog.take(self._last)
            self._last += len(self._in_flight)
        self._is_urgent = False
        return self._in_flight, self._usage or b""

    def heed(self, last: int) -> None:
        """Note that Redis has everything up to this id; for the flusher."""
        durable = [event for event in self._in_flight if event.id <= last]
        self._in_flight = self._in_flight[len(durable) :]
        self.tail.publish(event for event in durable if event.id > self.tail.last)
        if self.is_behind:
            self._mark(self)
        self._wake()

    def rewind(self) -> None:
        """Say again all that is still known, because Redis has forgotten it; for the flusher."""
        first = self._in_flight[0].id if self._in_flight else self._last + 1
        known = [event for event in self.tail.kept if event.id < first]
        self._in_flight = known + self._in_flight
        self._mark(self)

    def fail(self, failure: CadenceError) -> None:
        """Take nothing more; readers look for the rest in Redis."""
        self._failure = self._failure or failure
        self.tail.close()
        self._mark(self)
        self._wake()

    def _require_writable(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _wait(self, is_waiting: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(self._patience):
                while is_waiting():
                    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
                    self._require_writable()
        except TimeoutError:
            self.fail(RunLogLost())
            raise RunLogLost from None

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
