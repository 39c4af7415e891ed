"""Asks the relational store whether it answers, and how much it holds."""

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.tables import Orchestrator


async def ping(session: AsyncSession) -> None:
    """Make one round trip."""
    await session.execute(text("SELECT 1"))


async def count_orchestrators(session: AsyncSession) -> int:
    """Return how many orchestrators there are, of all organizations within the session's reach."""
    return await session.scalar(select(func.count()).select_from(Orchestrator)) or 0
