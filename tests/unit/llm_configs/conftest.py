"""A migrated SQLite store with two organizations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.migrating import upgrade
from cadence.infra.database.transaction import Sessions
from cadence.infra.secrets.keyring import Keyring, generate_key
from cadence.infra.secrets.sealing import Sealer
from tests.factories.llm_configs import Desk, open_desk


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    async with open_database(f"sqlite:///{tmp_path / 'cadence.db'}", pool_size=5) as engine:
        await upgrade(engine)
        yield build_sessions(engine)


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(Keyring.parse(f"k1:{generate_key()}"))


@pytest.fixture
async def acme(sessions: Sessions, sealer: Sealer) -> Desk:
    return await open_desk(sessions, sealer, "Acme")


@pytest.fixture
async def rival(sessions: Sessions, sealer: Sealer) -> Desk:
    return await open_desk(sessions, sealer, "Rival")
