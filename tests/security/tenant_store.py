"""A store with two organizations in it, on SQLite or on PostgreSQL, kept as it was made."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.auditing import leave_untold
from cadence.infra.database.base import Base
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.migrating import upgrade
from cadence.infra.database.reach import PLATFORM, Reach
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import operator_actor
from tests.security.tenant_rows import shared_rows, tenant

MakeRows = Callable[[], Sequence[Base]]
OURS, THEIRS = tenant(1), tenant(2)
# Owns the tables and nothing else: no superuser, who would see past every policy.
LANDLORD = "landlord"


def make_sqlite_store(folder: Path, more: MakeRows = list) -> str:
    """Create a store with both organizations and `more` in it, and return its URL."""
    url = f"sqlite:///{folder / 'tenants.db'}"
    asyncio.run(_furnish(url, more))
    return url


def make_postgresql_store(server: str, more: MakeRows = list) -> str:
    """Do the same in a fresh database of a server, whose tables an ordinary role owns."""
    url = asyncio.run(_create_database(server))
    asyncio.run(_furnish(url, more))
    return url


@asynccontextmanager
async def open_sessions(url: str) -> AsyncIterator[Sessions]:
    """Open the store with one connection, which is used again and again."""
    async with open_database(url, pool_size=1) as engine:
        yield build_sessions(engine)


@asynccontextmanager
async def undone(sessions: Sessions, reach: Reach) -> AsyncIterator[AsyncSession]:
    """Open a transaction that is rolled back at the end, whatever became of it."""
    with suppress(_Undo):
        async with transaction(sessions, reach, actor=operator_actor()) as session:
            yield session
            raise _Undo


class _Undo(Exception):
    """Raised to roll back, and never seen outside."""


async def _furnish(url: str, more: MakeRows) -> None:
    async with open_database(url, pool_size=1) as engine:
        await upgrade(engine)
        async with transaction(build_sessions(engine), PLATFORM) as session:
            leave_untold(session)
            for row in (*shared_rows(), *OURS.rows(), *THEIRS.rows(), *more()):
                session.add(row)
                await session.flush()


async def _create_database(server: str) -> str:
    name = f"tenants_{secrets.token_hex(6)}"
    async with open_database(f"{server}/postgres", pool_size=1) as engine:
        outside = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with outside.connect() as connection:
            for statement in _as_operator(name):
                await connection.execute(text(statement))
    host = server.rpartition("@")[2]
    return f"postgresql://{LANDLORD}@{host}/{name}"


def _as_operator(database: str) -> list[str]:
    """Return what an operator types where the service's own role may make no roles."""
    unless = "DO $$ BEGIN {}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    return [
        unless.format(f"CREATE ROLE {LANDLORD} LOGIN"),
        unless.format("CREATE ROLE cadence_app NOLOGIN"),
        f"GRANT cadence_app TO {LANDLORD}",
        f"CREATE DATABASE {database} OWNER {LANDLORD}",
    ]
