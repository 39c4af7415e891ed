"""Lets SQLite's writers in one after the other, in the order in which they came.

SQLite has one writer at a time and leaves it to chance who is next: each of the others sleeps and
tries again, and under load some come too late for any timeout. Within the one process that an
embedded store belongs to, a queue is fair; SQLite's own lock still stands behind it for commands.
"""

import asyncio

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as WaitedTooLong
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only

READ_ONLY = "cadence_read_only"
# Longer than a writer may take that is not stuck, and shorter than a client waits.
WAIT_SECONDS = 20.0
_WRITES = "cadence_writes"


class WriterQueue:
    """One engine's writers; a connection's turn lasts until it goes back to the pool."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    def watch(self, engine: AsyncEngine) -> None:
        """Begin every transaction of the engine by this queue."""
        event.listen(engine.sync_engine, "begin", self._begin)
        event.listen(engine.sync_engine, "checkin", self._give_back)

    def _begin(self, connection: Connection) -> None:
        # A writer that starts as a reader can fail at its first write (SQLITE_BUSY_SNAPSHOT),
        # whatever the timeout; so whoever may write takes the write lock at once.
        if connection.get_execution_options().get(READ_ONLY, False):
            connection.exec_driver_sql("BEGIN")
            return
        if not connection.info.get(_WRITES, False):
            await_only(self._wait())
            connection.info[_WRITES] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise WaitedTooLong("another writer holds the database") from None

    def _give_back(self, _connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        if record.info.pop(_WRITES, False):
            self._turn.release()
