"""One short transaction: committed at the end, rolled back on error."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from cadence.infra.database.engine import READ_ONLY

Session = AsyncSession
Sessions = async_sessionmaker[AsyncSession]


@asynccontextmanager
async def transaction(
    sessions: Sessions, *, read_only: bool = False
) -> AsyncIterator[AsyncSession]:
    """Open a session in a transaction that begins with its first statement.

    `read_only` leaves SQLite's write lock to others.
    """
    engine: AsyncEngine = sessions.kw["bind"]
    bind = engine.execution_options(**{READ_ONLY: read_only})
    async with sessions(bind=bind) as session, session.begin():
        yield session
