"""`cadence migrate`: the schema forward, back, and its history."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from alembic.util import CommandError
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.bootstrap import database_url
from cadence.config.production import require_readable
from cadence.config.settings import Settings
from cadence.entrypoints.refusing import Refused
from cadence.entrypoints.starting import naming_the_setting
from cadence.infra.database import migrating
from cadence.infra.database.engine import open_database


async def upgrade() -> None:
    """Apply what is missing and say where the schema stands."""
    await _with_engine(migrating.upgrade)
    await show_history()


async def downgrade(steps: int) -> None:
    """Take back the last migrations and say where the schema stands.

    Raises `Refused` when there are not so many.
    """
    await _with_engine(partial(_downgrade, steps=steps))
    await show_history()


async def create(title: str) -> None:
    """Write a migration from the difference between tables and database; may raise `Refused`."""
    try:
        await _with_engine(lambda engine: migrating.create(engine, title))
    except CommandError as error:
        raise Refused(f"No migration was written. {error}") from error


async def show_history() -> None:
    """Print every migration, newest first, with a star at the one the database has."""
    await _with_engine(_print_history)


async def _downgrade(engine: AsyncEngine, *, steps: int) -> None:
    newest_first = [step.is_current for step in await migrating.history(engine)]
    applied = len(newest_first) - newest_first.index(True) if True in newest_first else 0
    if steps > applied:
        raise Refused(f"The database has {applied} migrations, so {steps} cannot be taken back.")
    await migrating.downgrade(engine, steps=steps)


async def _print_history(engine: AsyncEngine) -> None:
    for step in await migrating.history(engine):
        sys.stdout.write(f"{'*' if step.is_current else ' '} {step.id}  {step.title}\n")


async def _with_engine(do: Callable[[AsyncEngine], Awaitable[None]]) -> None:
    settings = Settings()
    require_readable(settings)
    async with AsyncExitStack() as stack:
        with naming_the_setting(settings):
            database = open_database(database_url(settings), pool_size=1)
            engine = await stack.enter_async_context(database)
            # What a migration raises later is no matter of settings.
            async with engine.connect():
                pass
        await do(engine)
