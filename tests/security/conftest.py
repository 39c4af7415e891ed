"""Stores with two organizations in them, below every service."""

from collections.abc import AsyncIterator

import pytest

from cadence.infra.database.transaction import Sessions
from tests.security.tenant_store import make_postgresql_store, make_sqlite_store, open_sessions


@pytest.fixture(scope="session")
def sqlite_tenants(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of such a store; whoever changes it has to undo that."""
    return make_sqlite_store(tmp_path_factory.mktemp("tenants"))


@pytest.fixture(scope="session")
def postgresql_tenants(postgres_server: str) -> str:
    """The same on PostgreSQL."""
    return make_postgresql_store(postgres_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def tenants(request: pytest.FixtureRequest) -> str:
    """The same on each store."""
    url: str = request.getfixturevalue(f"{request.param}_tenants")
    return url


@pytest.fixture
async def sessions(tenants: str) -> AsyncIterator[Sessions]:
    async with open_sessions(tenants) as sessions:
        yield sessions


@pytest.fixture
async def postgresql(postgresql_tenants: str) -> AsyncIterator[Sessions]:
    async with open_sessions(postgresql_tenants) as sessions:
        yield sessions
