"""Brings the relational store to the newest schema, or back, with Alembic."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema's history."""

    id: str
    title: str
    is_current: bool


def _config(connection: Connection) -> Config:
    config = Config(PROJECT / "alembic.ini")
    config.attributes["connection"] = connection
    return config


@asynccontextmanager
async def _changing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction in which a table may be made anew.

    SQLite changes a column by copying the table and dropping the old one, which with foreign keys
    on would delete all that refers to it; they can be switched off between transactions only.
    """
    async with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            await _pragma(connection, "foreign_keys=OFF")
        try:
            async with connection.begin():
                yield connection
                if is_sqlite:
                    await _require_whole(connection)
        finally:
            if is_sqlite:
                await _pragma(connection, "foreign_keys=ON")


async def _pragma(connection: AsyncConnection, setting: str) -> None:
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None, "a connection that is open has one"  # noqa: S101  # for mypy
    await driver.execute(f"PRAGMA {setting}")


async def _require_whole(connection: AsyncConnection) -> None:
    broken = (await connection.execute(text("PRAGMA foreign_key_check"))).first()
    if broken is not None:
        raise CommandError(f"a row of {broken[0]} refers to one that is not there")


async def upgrade(engine: AsyncEngine) -> None:
    """Apply every migration that is missing."""
    async with _changing(engine) as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))


async def downgrade(engine: AsyncEngine, *, steps: int) -> None:
    """Take back the last `steps` migrations, and the data that only they could hold."""
    async with _changing(engine) as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), f"-{steps}"))


async def create(engine: AsyncEngine, message: str) -> None:
    """Write a new migration from the difference between the tables and the store."""
    async with engine.begin() as connection:
        await connection.run_sync(
            lambda sync: command.revision(_config(sync), message, autogenerate=True)
        )


async def differences(engine: AsyncEngine) -> None:
    """Raise `alembic.util.CommandError` when the store lacks something that the tables have."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.check(_config(sync)))


async def history(engine: AsyncEngine) -> list[Revision]:
    """Return every migration, newest first, and which one the store has."""
    async with engine.connect() as connection:
        return await connection.run_sync(_history)


def _history(connection: Connection) -> list[Revision]:
    current = MigrationContext.configure(connection).get_current_heads()
    script = ScriptDirectory.from_config(_config(connection))
    return [
        Revision(step.revision, step.doc, step.revision in current)
        for step in script.walk_revisions()
    ]
