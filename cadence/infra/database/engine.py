"""Opens the relational store and makes SQLite behave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from cadence.infra.database.auditing import AuditedSession
from cadence.infra.database.folding import teach_sqlite_to_fold
from cadence.infra.database.writers import WriterQueue

BUSY_TIMEOUT_MS = 10_000
# Seconds in which PostgreSQL must take a connection; with those that trying an old one takes, less
# than the two in which a request is answered while PostgreSQL is away.
CONNECT_SECONDS = 1.2
# Seconds that a request waits for a connection while others use them all; with those that a new one
# takes, less than the six in which it ends when PostgreSQL is slow.
POOL_SECONDS = 4.0
# Seconds that one statement of a request may take; a server that is silent for longer is away.
STATEMENT_SECONDS = 10.0


def async_url(url: str) -> str:
    """Name the asynchronous driver that a plain `postgresql://` or `sqlite://` URL leaves out."""
    parsed = make_url(url)
    drivers = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    drivers["sqlite"] = "sqlite+aiosqlite"
    named = parsed.set(drivername=drivers.get(parsed.drivername, parsed.drivername))
    return named.render_as_string(hide_password=False)


@asynccontextmanager
async def open_database(
    url: str, *, pool_size: int, statement_seconds: float | None = None
) -> AsyncIterator[AsyncEngine]:
    """Open an engine on `url` and dispose of it at the end."""
    engine = build_engine(url, pool_size=pool_size, statement_seconds=statement_seconds)
    try:
        yield engine
    finally:
        await engine.dispose()


def build_engine(
    url: str, *, pool_size: int, statement_seconds: float | None = None
) -> AsyncEngine:
    """Make an engine; nothing connects before the first use.

    `statement_seconds` bounds every statement on PostgreSQL; None is for migrations.
    """
    address = async_url(url)
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_timeout": POOL_SECONDS,
        # Bound values are tenants' words; an error must not carry them into a log.
        "hide_parameters": True,
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": _read_json,
    }
    if address.startswith("sqlite"):
        engine = create_async_engine(address, **options)
        event.listen(engine.sync_engine, "connect", _tune_sqlite)
        event.listen(engine.sync_engine, "connect", teach_sqlite_to_fold)
        WriterQueue().watch(engine)
        return engine
    from cadence.infra.database.network import watch_the_network  # noqa: PLC0415  # see there

    limits = {"timeout": CONNECT_SECONDS, "command_timeout": statement_seconds}
    engine = create_async_engine(address, connect_args=limits, **options)
    watch_the_network(engine)
    return engine


def build_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make the factory of sessions; what was read stays readable after a commit."""
    return async_sessionmaker(engine, expire_on_commit=False, sync_session_class=AuditedSession)


def _read_json(stored: str | bytes | float) -> object:
    # SQLite keeps a JSON column's bare number as a number, and gives it back as one.
    return orjson.loads(stored) if isinstance(stored, str | bytes) else stored


def count_connections_in_use(engine: AsyncEngine) -> int:
    """Return how many connections of the pool somebody works with at this moment."""
    pool = engine.pool
    return pool.checkedout() if isinstance(pool, QueuePool) else 0


def _tune_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # None leaves BEGIN to the queue of writers; the driver's own would come too late for a lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
