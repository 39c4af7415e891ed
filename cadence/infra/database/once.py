"""Adds rows by one statement that leaves out those which are there already."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.base import Base
from cadence.infra.database.walls import OWNER, OutsideReach, WalledSession


async def add_once(
    session: AsyncSession,
    table: type[Base],
    *,
    rows: Sequence[Mapping[str, Any]],
    unique: Sequence[str],
) -> None:
    """Add rows of one organization's, but for those that are there by their `unique` columns.

    Raises `OutsideReach` for a row that the session may not write: no criterion bounds an INSERT on
    SQLite, so the session itself takes none, and they are looked at here instead.
    """
    if not rows:
        return
    _require_within_reach(session.sync_session, table, rows)
    connection = await session.connection()
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    added = insert(table).on_conflict_do_nothing(index_elements=list(unique))
    # Beside the statement: with its rows in it, it would be compiled anew each time.
    await connection.execute(added, list(rows))


def _require_within_reach(
    session: object, table: type[Base], rows: Sequence[Mapping[str, Any]]
) -> None:
    reach = session.reach if isinstance(session, WalledSession) else None
    if reach is not None and reach.is_platform:
        return
    owner = None if reach is None else reach.organization_id
    if owner is None or any(row[OWNER] != owner for row in rows):
        raise OutsideReach(table.__tablename__)
