"""Takes all that a run holds in one round trip: its places, its conversation and its record."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from cadence.runs.claiming import give_back
from cadence.runs.errors import ConversationBusy
from cadence.runs.flushing import RunFlusher
from cadence.runs.keys import NODES
from cadence.runs.log import RunLog
from cadence.runs.record import RunRecord
from cadence.runs.scripts import BEGIN, BUSY
from cadence.runs.slots import SLOT_SECONDS, Place, StreamSlots
from cadence.runs.writing import RunWriter

# Seconds that the lock of a conversation outlives the process that holds it; `RunKeeper` renews it
# long before.
LOCK_SECONDS = 60


class RunBeginning:
    """Begins runs; one after the other these would be four round trips before anything is said."""

    def __init__(
        self, redis: Redis, *, log: RunLog, flusher: RunFlusher, slots: StreamSlots
    ) -> None:
        self._redis = redis
        self._log = log
        self._flusher = flusher
        self._slots = slots

    @asynccontextmanager
    async def taking(
        self, record: RunRecord, *, run: Place, reader: Place | None = None
    ) -> AsyncIterator[RunWriter]:
        """Take a run's place, its reader's if there is one yet to take, and its conversation.

        Raises `TooManyStreams` or `ConversationBusy`, and then has taken none of them. What was
        taken for the run is given back when the block fails, and otherwise kept for the run to
        release; a reader's place is its holder's. Yields what writes the run, which nobody has
        begun to write: give it to `RunLog.discard` or `RunLog.leave` if it never begins.
        """
        places = (run,) if reader is None else (reader, run)
        writer = self._log.prepare(record)
        await self._take(writer, places)
        try:
            yield writer
        except BaseException:
            await self._give_back(writer, run)
            raise

    async def _take(self, writer: RunWriter, places: Sequence[Place]) -> None:
        try:
            refused: Any = await self._redis.eval(*self._command(writer, places))
        except BaseException:
            self._flusher.drop(writer)
            await self._give_back(writer, *places)
            raise
        if refused > 0:
            self._flusher.drop(writer)
            raise places[(refused - 1) // 2].refusal(full=2 - refused % 2)
        if refused == BUSY:
            self._flusher.drop(writer)
            raise ConversationBusy
        for place in places:
            self._slots.hold(place)

    async def _give_back(self, writer: RunWriter, *places: Place) -> None:
        await give_back(self._redis, writer.keys.lock, writer.run_id.encode())
        for place in places:
            await self._slots.release(place)

    def _command(self, writer: RunWriter, places: Sequence[Place]) -> Sequence[Any]:
        keys = writer.keys
        names: list[str] = [keys.run, keys.runs_of, NODES, keys.lock]
        about: list[str | int] = [writer.token, self._flusher.live_seconds, keys.member]
        about += (writer.node, writer.run_id, LOCK_SECONDS, SLOT_SECONDS, len(places))
        for place in places:
            names += place.keys
            about += (place.member, *place.limits)
        about += (part for pair in writer.record.fields().items() for part in pair)
        return (BEGIN, len(names), *names, *about)
