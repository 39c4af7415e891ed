"""A migrated SQLite store, an in-memory Redis, and the users' services on them."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cadence.config.settings import AccessSettings
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.service import UserService
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.migrating import upgrade
from cadence.infra.database.transaction import Sessions
from cadence.infra.redis.connecting import MEMORY, open_redis
from cadence.kernel.clock import SystemClock


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    async with open_database(f"sqlite:///{tmp_path / 'cadence.db'}", pool_size=5) as engine:
        await upgrade(engine)
        yield build_sessions(engine)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with open_redis(MEMORY) as client:
        yield client


@pytest.fixture
def logins(redis: Redis) -> SessionStore:
    return SessionStore(redis, SystemClock(), AccessSettings())


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    with ThreadPoolExecutor(1) as threads:
        yield Passwords(threads)


@pytest.fixture
def users(sessions: Sessions, logins: SessionStore, passwords: Passwords) -> UserService:
    return UserService(sessions=sessions, logins=logins, passwords=passwords, clock=SystemClock())
