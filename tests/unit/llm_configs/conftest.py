"""A migrated SQLite store with two organizations."""

import pytest

from cadence.infra.database.transaction import Sessions
from cadence.infra.secrets.keyring import Keyring, generate_key
from cadence.infra.secrets.sealing import Sealer
from tests.factories.llm_configs import Desk, open_desk


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(Keyring.parse(f"k1:{generate_key()}"))


@pytest.fixture
async def acme(sessions: Sessions, sealer: Sealer) -> Desk:
    return await open_desk(sessions, sealer, "Acme")


@pytest.fixture
async def rival(sessions: Sessions, sealer: Sealer) -> Desk:
    return await open_desk(sessions, sealer, "Rival")
