"""What a connection to PostgreSQL is told before it is used: to begin, and behind which wall."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from cadence.infra.database import migrating
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.transaction import transaction
from cadence.infra.database.walls import ROLE
from cadence.kernel.ids import OrganizationId, new_uuid

ACME, OTHER = OrganizationId(new_uuid()), OrganizationId(new_uuid())
_WHO = text(
    "SELECT current_setting('role'), coalesce(current_setting('app.organization_id', true), ''), "
    "coalesce(current_setting('app.reach', true), '')"
)


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """One connection, which all of a test's transactions share."""
    async with open_database(postgres_url, pool_size=1) as opened:
        await migrating.upgrade(opened)
        yield opened


async def _who(asked: AsyncSession | AsyncConnection) -> tuple[Any, ...]:
    return tuple((await asked.execute(_WHO)).one())


async def test_each_transaction_of_a_connection_is_behind_its_own_wall(engine: AsyncEngine) -> None:
    sessions = build_sessions(engine)
    found = []
    for reach in (within(ACME), PLATFORM, within(OTHER)):
        async with transaction(sessions, reach) as session:
            found.append(await _who(session))

    assert found == [
        (ROLE, str(ACME), "organization"),
        (ROLE, "", "platform"),
        (ROLE, str(OTHER), "organization"),
    ]


async def test_whoever_comes_without_a_session_finds_no_wall_of_the_last_one(
    engine: AsyncEngine,
) -> None:
    async with transaction(build_sessions(engine), within(ACME)) as session:
        await session.execute(text("SELECT 1"))

    async with engine.connect() as connection:
        assert await _who(connection) == ("none", "", "")


async def test_a_savepoint_stands_behind_the_same_wall(engine: AsyncEngine) -> None:
    async with transaction(build_sessions(engine), within(ACME)) as session:
        await session.execute(text("SELECT 1"))
        async with session.begin_nested():
            assert await _who(session) == (ROLE, str(ACME), "organization")


async def test_a_connection_that_was_not_used_is_in_no_transaction(engine: AsyncEngine) -> None:
    sessions = build_sessions(engine)
    async with transaction(sessions, within(ACME)) as session:
        pid = await session.scalar(text("SELECT pg_backend_pid()"))
    async with engine.connect():
        pass
    async with (
        open_database(engine.url.render_as_string(hide_password=False), pool_size=1) as other,
        other.connect() as looking,
    ):
        state = await looking.scalar(
            text("SELECT state FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}
        )

    assert state == "idle"
