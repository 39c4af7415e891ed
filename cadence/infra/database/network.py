"""Connections to PostgreSQL that break, refuse or fall silent: found out soon, and told alike.

Imported only where PostgreSQL is used: the driver would cost an embedded start memory and time.
"""

import time
from typing import Any

from asyncpg import (  # type: ignore[import-untyped]  # it brings no types
    Connection,
    InsufficientPrivilegeError,
    InterfaceError,
    InvalidParameterValueError,
    PostgresError,
)
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Dialect, event
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from cadence.infra.database.walls import RAISED, connecting, raising

# Seconds in which a connection that is not new must answer; one that does not is replaced.
PING_SECONDS = 0.5
# What a connection notes of its last statement: when it was sent, and whether it took long.
_SENT_AT = "sent_at"
_WAS_SLOW = "was_slow"


def watch_the_network(engine: AsyncEngine) -> None:
    """Try each connection before it is used, and have `away.is_away` know what the network does.

    It is tried by what everybody's first question would be, to begin a transaction, and for a
    session behind its wall: three round trips in one. One that is not used is rolled back.

    After a statement that took long it is tried again before the next one: a transaction of many
    statements must not wait for a slow network once for each of them.

    asyncpg lets a refused connection out as an `OSError` and a wait that is over as a
    `TimeoutError`, which come from anywhere; they become errors of the driver here. SQLAlchemy's
    own `pool_pre_ping` takes three round trips and waits as long as a statement may take.
    """
    event.listen(engine.sync_engine, "checkout", _try)
    event.listen(engine.sync_engine, "do_connect", _connect)
    event.listen(engine.sync_engine, "handle_error", _note_timeout)
    event.listen(engine.sync_engine, "before_cursor_execute", _begin_statement)
    event.listen(engine.sync_engine, "after_cursor_execute", _end_statement)
    event.listen(engine.sync_engine, "commit", _try_if_slow)


def _try(
    connection: AsyncAdapt_asyncpg_connection,
    entry: ConnectionPoolEntry,
    _checked_out: PoolProxiedConnection,
) -> None:
    reach = connecting()
    entry.info.pop(RAISED, None)
    begin = "BEGIN" if reach is None else f"BEGIN; {raising(reach)}"
    begun = connection.run_async(lambda driven: _begin(driven, begin))
    if begun is not None:
        entry.info[RAISED] = reach
        # What it would have begun with its first statement.
        connection._transaction = begun  # noqa: SLF001  # no other way in


class _Begun:
    """A transaction as the driver's adapter ends it."""

    def __init__(self, driven: Connection) -> None:
        self._driven = driven

    async def start(self) -> None:
        """Do nothing: it was begun before it was made."""

    async def commit(self) -> None:
        await self._driven.execute("COMMIT")

    async def rollback(self) -> None:
        await self._driven.execute("ROLLBACK")


async def _begin(connection: Connection, question: str) -> _Begun | None:
    try:
        await connection.execute(question, timeout=PING_SECONDS)
    except (InsufficientPrivilegeError, InvalidParameterValueError):
        # There is no such role, or it may not be taken: its first statement will say so.
        await connection.execute("ROLLBACK", timeout=PING_SECONDS)
        return None
    except (OSError, PostgresError, InterfaceError):
        # At once: a polite farewell would wait for an answer too.
        connection.terminate()
        # Whatever took this one away will have taken those that were opened before it as well.
        raise InvalidatePoolError from None
    return _Begun(connection)


async def _answers(connection: Connection) -> bool:
    try:
        await connection.execute("SELECT 1", timeout=PING_SECONDS)
    except (OSError, PostgresError, InterfaceError):
        # At once: a polite farewell would wait for an answer too.
        connection.terminate()
        return False
    return True


def _begin_statement(connection: SqlConnection, *_: object) -> None:
    _try_if_slow(connection)
    connection.info[_SENT_AT] = time.monotonic()


def _end_statement(connection: SqlConnection, *_: object) -> None:
    took = time.monotonic() - connection.info[_SENT_AT]
    connection.info[_WAS_SLOW] = took > PING_SECONDS


def _try_if_slow(connection: SqlConnection) -> None:
    if not connection.info.pop(_WAS_SLOW, False):
        return
    # Of the driver that this module is for, which its type does not say.
    driven: Any = connection.connection.dbapi_connection
    if not driven.run_async(_answers):
        connection.invalidate()
        gone = TimeoutError("PostgreSQL does not answer in time.")
        raise OperationalError(None, None, gone, connection_invalidated=True)


def _connect(
    dialect: Dialect, _entry: ConnectionPoolEntry, arguments: Any, named: Any
) -> DBAPIConnection:
    try:
        return dialect.connect(*arguments, **named)
    except OSError as failure:
        raise OperationalError(None, None, failure) from failure


def _note_timeout(context: ExceptionContext) -> Exception | None:
    failure = context.original_exception
    if not isinstance(failure, TimeoutError):
        return None
    # Nobody knows what the server still does with it, so this connection is used no more.
    context.is_disconnect = True
    context.invalidate_pool_on_disconnect = False
    return OperationalError(context.statement, None, failure, connection_invalidated=True)
