"""Whether the store has the newest schema, asked without importing Alembic.

Alembic costs a starting process 10 MiB and 0.3 s, and is needed only when something is missing.
"""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.infra.away import Store, StoreUnavailable
from cadence.infra.database.away import is_away

VERSIONS = Path(__file__).resolve().parents[3] / "migrations" / "versions"


def newest_revision() -> str:
    """Return the id that the newest migration's file name begins with; a test holds us to it."""
    return max(path.name.split("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))


async def is_current(engine: AsyncEngine) -> bool:
    """Whether nothing is left to migrate."""
    async with engine.connect() as connection:
        return await connection.run_sync(_read_revision) == newest_revision()


async def find_revision(engine: AsyncEngine) -> str | None:
    """Return the newest migration that the store has, or None; raises `StoreUnavailable`."""
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_read_revision)
    except SQLAlchemyError as failure:
        if is_away(failure):
            raise StoreUnavailable(Store.DATABASE) from failure
        raise


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
