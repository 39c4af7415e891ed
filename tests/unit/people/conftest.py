"""A migrated SQLite store, an in-memory Redis, and the users' services on them."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cadence.config.settings import AccessSettings, Settings
from cadence.domains.access.authority import AuthorityCache
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.service import UserService
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.migrating import upgrade
from cadence.infra.database.transaction import Sessions
from cadence.infra.redis.connecting import MEMORY, open_redis
from cadence.kernel.actors import operator_actor
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
def authority(redis: Redis, sessions: Sessions) -> AuthorityCache:
    return AuthorityCache(redis, sessions, environment=Settings(_env_file=None).first_tier)


@pytest.fixture
def users(
    sessions: Sessions, authority: AuthorityCache, *, logins: SessionStore, passwords: Passwords
) -> UserService:
    return UserService(
        sessions=sessions,
        authority=authority,
        actor=operator_actor(),
        logins=logins,
        passwords=passwords,
        clock=SystemClock(),
    )
