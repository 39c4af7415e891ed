"""Everything that one organization has in the relational store, read past every wall."""

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.infra.database.base import Base
from cadence.infra.database.engine import open_database
from cadence.infra.database.tables import Membership, Organization, OutboxEvent, User

OWNER = "organization_id"
# Events that wait to be told, which go by themselves.
TRANSIENT = frozenset({OutboxEvent.__tablename__})
Rows = dict[str, list[tuple[Any, ...]]]


def rows_of_organization(url: str, organization_id: UUID) -> Rows:
    """Return every row of an organization by table: its own, its people's, and what all share."""
    return asyncio.run(_read(url, organization_id))


async def _read(url: str, organization_id: UUID) -> Rows:
    # Without a session: neither row-level security nor our own criteria narrow what is read.
    async with open_database(url, pool_size=1) as engine, engine.connect() as connection:
        return {
            table.name: await _rows(connection, table, organization_id)
            for table in Base.metadata.sorted_tables
            if table.name not in TRANSIENT
        }


async def _rows(
    connection: AsyncConnection, table: Table, organization_id: UUID
) -> list[tuple[Any, ...]]:
    query = select(table).where(_belongs(table, organization_id))
    ordered = query.order_by(*table.primary_key.columns)
    return [tuple(row) for row in await connection.execute(ordered)]


def _belongs(table: Table, organization_id: UUID) -> ColumnElement[bool]:
    if OWNER in table.columns:
        return or_(table.c[OWNER] == organization_id, table.c[OWNER].is_(None))
    if table.name == Organization.__tablename__:
        return table.c.id == organization_id
    if table.name == User.__tablename__:
        people = select(Membership.user_id).where(Membership.organization_id == organization_id)
        return table.c.id.in_(people)
    return false()
