"""`cadence migrate`: the schema forward, back, and its history."""

import sys
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.bootstrap import database_url
from cadence.config.settings import Settings
from cadence.infra.database import migrating
from cadence.infra.database.engine import open_database


async def upgrade() -> None:
    """Apply what is missing and say where the schema stands."""
    await _with_engine(migrating.upgrade)
    await show_history()


async def downgrade(steps: int) -> None:
    """Take back the last migrations and say where the schema stands."""
    await _with_engine(lambda engine: migrating.downgrade(engine, steps=steps))
    await show_history()


async def create(title: str) -> None:
    """Write a migration from the difference between tables and database."""
    await _with_engine(lambda engine: migrating.create(engine, title))


async def show_history() -> None:
    """Print every migration, newest first, with a star at the one the database has."""
    await _with_engine(_print_history)


async def _print_history(engine: AsyncEngine) -> None:
    for step in await migrating.history(engine):
        sys.stdout.write(f"{'*' if step.is_current else ' '} {step.id}  {step.title}\n")


async def _with_engine(do: Callable[[AsyncEngine], Awaitable[None]]) -> None:
    settings = Settings()
    async with open_database(database_url(settings), pool_size=1) as engine:
        await do(engine)
