"""PostgreSQL itself keeps organizations apart, whatever SQL one of our roles runs: T3."""

from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.base import Base, OwnedOrShared
from cadence.infra.database.reach import NOWHERE, PLATFORM, within
from cadence.infra.database.transaction import Sessions
from cadence.infra.database.walls import ROLE
from tests.security.tenant_rows import OWNER, owned_tables
from tests.security.tenant_store import LANDLORD, OURS, THEIRS, undone

HOME = within(OURS.id)
TRAIL = "audit_entries"
TABLES = [pytest.param(table, id=table.name) for table in owned_tables()]
SHARED = {
    str(mapper.local_table)
    for mapper in Base.registry.mappers
    if issubclass(mapper.class_, OwnedOrShared)
}


async def _owners(session: AsyncSession, table: Table) -> set[object]:
    return set(await session.scalars(text(f"SELECT DISTINCT {OWNER} FROM {table.name}")))  # noqa: S608


async def _raw(session: AsyncSession, statement: Any) -> int:
    """Run a statement on the connection itself; return how many rows it met."""
    connection = await session.connection()
    met: int = (await connection.execute(statement)).rowcount
    return met


@pytest.mark.parametrize("table", TABLES)
async def test_every_tenants_table_has_row_security_that_its_owner_is_held_to(
    postgresql: Sessions, table: Table
) -> None:
    raised = text("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = :name")
    policies = text("SELECT cmd, with_check, permissive FROM pg_policies WHERE tablename = :name")
    async with undone(postgresql, PLATFORM) as session:
        row = (await session.execute(raised, {"name": table.name})).one()
        found = (await session.execute(policies, {"name": table.name})).all()

    assert tuple(row) == (True, True)
    checked = {each.cmd for each in found if each.with_check is not None}
    assert checked in ({"ALL"}, {"INSERT", "UPDATE"})
    assert all("organization_id" in each.with_check for each in found if each.with_check)


async def test_the_role_owns_nothing_and_may_nothing_else(postgresql: Sessions) -> None:
    role = text(
        "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication "
        "FROM pg_roles WHERE rolname = :role"
    )
    owned = text("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = :role")
    also = text("SELECT count(*) FROM pg_auth_members WHERE member = to_regrole(:role)")
    async with undone(postgresql, PLATFORM) as session:
        assert set((await session.execute(role, {"role": ROLE})).one()) == {False}
        assert await session.scalar(owned, {"role": ROLE}) == 0
        assert await session.scalar(also, {"role": ROLE}) == 0
        assert await session.scalar(text("SELECT current_user")) == ROLE


async def test_the_role_may_neither_change_the_trail_nor_the_schema(postgresql: Sessions) -> None:
    for statement in (
        "UPDATE audit_entries SET actor_name = 'somebody else'",
        "DELETE FROM audit_entries",
        "TRUNCATE memberships",
        "ALTER TABLE memberships DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (id int)",
        "UPDATE alembic_version SET version_num = '0000'",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            async with undone(postgresql, HOME) as session:
                await session.execute(text(statement))


@pytest.mark.parametrize("table", TABLES)
async def test_raw_sql_finds_what_is_within_reach(postgresql: Sessions, table: Table) -> None:
    shared = {None} if table.name in SHARED else set()

    async with undone(postgresql, PLATFORM) as session:
        assert await _owners(session, table) == {OURS.id, THEIRS.id} | shared
    async with undone(postgresql, HOME) as session:
        assert await _owners(session, table) == {OURS.id} | shared
    async with undone(postgresql, NOWHERE) as session:
        assert await _owners(session, table) == shared


@pytest.mark.parametrize("table", TABLES)
async def test_raw_sql_cannot_add_a_foreign_row(postgresql: Sessions, table: Table) -> None:
    for owner in (THEIRS.id, None):
        async with undone(postgresql, HOME) as session:
            own = select(table).where(table.c[OWNER] == OURS.id)
            row = (await session.execute(own)).mappings().all()[0]
            with pytest.raises(DBAPIError, match="row-level security"):
                await _raw(session, insert(table).values({**row, OWNER: owner}))


@pytest.mark.parametrize("table", TABLES)
async def test_raw_sql_cannot_give_a_row_away(postgresql: Sessions, table: Table) -> None:
    refused = "permission denied" if table.name == TRAIL else "row-level security"
    for owner in (THEIRS.id, None):
        async with undone(postgresql, HOME) as session:
            with pytest.raises(DBAPIError, match=refused):
                await _raw(session, update(table).values({OWNER: owner}))


@pytest.mark.parametrize("table", [each for each in TABLES if each.id != TRAIL])
async def test_raw_sql_neither_changes_nor_removes_a_foreign_row(
    postgresql: Sessions, table: Table
) -> None:
    is_foreign = or_(table.c[OWNER] == THEIRS.id, table.c[OWNER].is_(None))
    async with undone(postgresql, HOME) as session:
        changed = await _raw(session, update(table).where(is_foreign).values({OWNER: OURS.id}))
        removed = await _raw(session, delete(table).where(is_foreign))

    assert (changed, removed) == (0, 0)


async def test_a_pooled_connection_remembers_no_organization(postgresql: Sessions) -> None:
    for reach in (HOME, PLATFORM):
        async with undone(postgresql, reach) as session:
            assert await session.scalar(text("SELECT count(*) FROM memberships"))
            first = await session.scalar(text("SELECT pg_backend_pid()"))

        async with postgresql.kw["bind"].connect() as connection:
            # The tables' own owner, to whom nobody has said an organization.
            assert await connection.scalar(text("SELECT pg_backend_pid()")) == first
            assert await connection.scalar(text("SELECT current_user")) == LANDLORD
            for table in owned_tables():
                count = text(f"SELECT count(*) FROM {table.name} WHERE {OWNER} IS NOT NULL")  # noqa: S608
                assert await connection.scalar(count) == 0, table.name
