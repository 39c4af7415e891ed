"""One short transaction: committed at the end, rolled back on error, held to its reach."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from cadence.infra.away import Store, StoreUnavailable
from cadence.infra.database.auditing import ACTOR
from cadence.infra.database.away import is_away
from cadence.infra.database.reach import Reach
from cadence.infra.database.walls import REACH
from cadence.infra.database.writers import READ_ONLY
from cadence.kernel.actors import Actor

Session = AsyncSession
Sessions = async_sessionmaker[AsyncSession]


@asynccontextmanager
async def transaction(
    sessions: Sessions, reach: Reach, *, actor: Actor | None = None, read_only: bool = False
) -> AsyncIterator[AsyncSession]:
    """Open a session in a transaction that begins with its first statement.

    Rows outside of `reach` are neither found nor changed. What is changed is told to the audit
    trail in the name of `actor`. `read_only` leaves SQLite's write lock to others.
    """
    async with open_session(sessions, read_only=read_only) as session:
        aim(session, reach, actor)
        yield session


@asynccontextmanager
async def open_session(sessions: Sessions, *, read_only: bool) -> AsyncIterator[AsyncSession]:
    """Open a transaction that reaches nothing until it is aimed.

    Raises `StoreUnavailable` in place of the driver's error when the database cannot be reached.
    """
    engine: AsyncEngine = sessions.kw["bind"]
    bind = engine.execution_options(**{READ_ONLY: read_only})
    try:
        async with sessions(bind=bind) as session, session.begin():
            yield session
    except SQLAlchemyError as failure:
        if is_away(failure):
            raise StoreUnavailable(Store.DATABASE) from failure
        raise


def aim(session: AsyncSession, reach: Reach, actor: Actor | None) -> None:
    """Say what a session may touch, and in whose name, before its first statement.

    Raises `RuntimeError` when it has been aimed at something else already.
    """
    if session.info.setdefault(REACH, reach) != reach:
        raise RuntimeError("one transaction cannot reach for two organizations")
    if actor is not None:
        session.info[ACTOR] = actor
