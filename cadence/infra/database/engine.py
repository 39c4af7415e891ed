"""Opens the relational store and makes SQLite behave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 10_000
READ_ONLY = "cadence_read_only"


def async_url(url: str) -> str:
    """Name the asynchronous driver that a plain `postgresql://` or `sqlite://` URL leaves out."""
    parsed = make_url(url)
    drivers = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    drivers["sqlite"] = "sqlite+aiosqlite"
    named = parsed.set(drivername=drivers.get(parsed.drivername, parsed.drivername))
    return named.render_as_string(hide_password=False)


@asynccontextmanager
async def open_database(url: str, *, pool_size: int) -> AsyncIterator[AsyncEngine]:
    """Open an engine on `url` and dispose of it at the end."""
    engine = build_engine(url, pool_size=pool_size)
    try:
        yield engine
    finally:
        await engine.dispose()


def build_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """Make an engine; nothing connects before the first use."""
    address = async_url(url)
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_timeout": 5.0,
        # Bound values are tenants' words; an error must not carry them into a log.
        "hide_parameters": True,
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
    }
    if address.startswith("sqlite"):
        engine = create_async_engine(address, **options)
        event.listen(engine.sync_engine, "connect", _tune_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(address, pool_pre_ping=True, **options)


def build_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make the factory of sessions; what was read stays readable after a commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def _tune_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # None leaves BEGIN to `_begin_sqlite`; the driver's own would come too late for a lock.
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


def _begin_sqlite(connection: Connection) -> None:
    # A writer that starts as a reader can fail at its first write (SQLITE_BUSY_SNAPSHOT),
    # whatever the timeout; so whoever may write takes the write lock at once.
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
