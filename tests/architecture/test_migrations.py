"""The migrations make exactly the tables that the code has, on each store."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.infra.database import migrating
from cadence.infra.database.engine import open_database
from cadence.infra.database.schema_version import is_current, newest_revision


def test_the_newest_file_is_alembics_head() -> None:
    script = ScriptDirectory.from_config(Config(migrating.PROJECT / "alembic.ini"))

    assert script.get_current_head() == newest_revision()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


async def test_migrating_up_makes_all_tables_and_down_leaves_none(store_url: str) -> None:
    async with open_database(store_url, pool_size=1) as engine:
        assert not await is_current(engine)
        await migrating.upgrade(engine)

        assert await is_current(engine)
        await migrating.differences(engine)  # raises when a table or column is missing

        await migrating.downgrade(engine, steps=len(await migrating.history(engine)))
        assert await _tables(engine) <= {"alembic_version"}


async def _tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
