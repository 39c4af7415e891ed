"""Asks the relational store whether it answers."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def ping(session: AsyncSession) -> None:
    """Make one round trip."""
    await session.execute(text("SELECT 1"))
