"""A migrated SQLite store, an in-memory Redis, and the users' services on them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis.asyncio import Redis

from cadence.config.settings import AccessSettings, Settings
from cadence.domains.access.authority import AuthorityCache
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.service import UserService
from cadence.infra.database.transaction import Sessions
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock


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
