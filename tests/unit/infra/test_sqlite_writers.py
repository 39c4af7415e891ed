"""Many who write into one SQLite at once: each gets its turn, and none stays in it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.migrating import upgrade
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import Organization
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import new_uuid

NOW = SystemClock().now()
WRITERS = 60
CONNECTIONS = 40


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    url = f"sqlite:///{tmp_path / 'cadence.db'}"
    async with open_database(url, pool_size=CONNECTIONS) as engine:
        await upgrade(engine)
        yield build_sessions(engine)


def organization(name: str) -> Organization:
    return Organization(id=new_uuid(), name=name, status="active", created_at=NOW, updated_at=NOW)


async def write(sessions: Sessions, name: str, done: list[str]) -> None:
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(organization(name))
        await session.flush()
        for _ in range(3):
            await session.execute(text("SELECT 1"))
            await asyncio.sleep(0.002)
        done.append(name)


async def count(sessions: Sessions) -> int:
    async with transaction(sessions, PLATFORM, read_only=True) as session:
        return await session.scalar(select(func.count()).select_from(Organization)) or 0


async def test_many_writers_at_once_all_get_their_turn(sessions: Sessions) -> None:
    done: list[str] = []
    names = [f"writer {number:02}" for number in range(WRITERS)]

    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(write(sessions, name, done))

    assert sorted(done) == names
    assert await count(sessions) == WRITERS


async def test_readers_do_not_wait_for_a_writer(sessions: Sessions) -> None:
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(organization("slow"))
        await session.flush()

        async with asyncio.timeout(5):
            assert await count(sessions) == 0


async def test_a_writer_that_fails_or_is_cancelled_gives_its_turn_back(sessions: Sessions) -> None:
    done: list[str] = []
    async with asyncio.TaskGroup() as tasks:
        doomed = [tasks.create_task(_write_for_ever(sessions)) for _ in range(5)]
        await asyncio.sleep(0.1)
        for task in doomed:
            task.cancel()
    with pytest.raises(ZeroDivisionError):
        await _break(sessions)

    async with asyncio.timeout(5):
        await write(sessions, "next", done)

    assert done == ["next"]


async def _write_for_ever(sessions: Sessions) -> None:
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(organization(str(new_uuid())))
        await session.flush()
        await asyncio.sleep(60)


async def _break(sessions: Sessions) -> None:
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(organization("broken"))
        await session.flush()
        raise ZeroDivisionError
