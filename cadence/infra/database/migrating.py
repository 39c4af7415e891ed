"""Brings the relational store to the newest schema, or back, with Alembic."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

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


async def upgrade(engine: AsyncEngine) -> None:
    """Apply every migration that is missing."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))


async def downgrade(engine: AsyncEngine, *, steps: int) -> None:
    """Take back the last `steps` migrations, and the data that only they could hold."""
    async with engine.begin() as connection:
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
