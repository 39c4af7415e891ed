"""The cache of who may do what is never older than the last change."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from typing_extensions import override

from cadence.config.settings import Settings
from cadence.domains.access.authority import KEPT_SECONDS, AuthorityCache, Known, Read
from cadence.domains.access.permissions import OrganizationStatus
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import Membership, Organization, User
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import OrganizationId, UserId, new_uuid

NOW = SystemClock().now()
FIRST_TIER = Settings(_env_file=None).first_tier
ACME, ADA = OrganizationId(new_uuid()), UserId(new_uuid())


@pytest.fixture(autouse=True)
async def people(sessions: Sessions) -> None:
    """Ada, who is an admin of Acme."""
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(
            Organization(id=ACME, name="acme", status="active", created_at=NOW, updated_at=NOW)
        )
        session.add(
            User(
                id=ADA,
                username="ada",
                password_hash="x",
                is_sys_admin=False,
                is_disabled=False,
                created_at=NOW,
                updated_at=NOW,
            )
        )
        await session.flush()
        session.add(Membership(organization_id=ACME, user_id=ADA, is_admin=True, created_at=NOW))


@pytest.fixture
def authority(redis: Redis, sessions: Sessions) -> AuthorityCache:
    return AuthorityCache(redis, sessions, environment=FIRST_TIER)


async def demote(sessions: Sessions) -> None:
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        membership = await session.get_one(Membership, (ACME, ADA))
        membership.is_admin = False


async def is_admin(authority: AuthorityCache) -> bool:
    account = await authority.find_account(ADA)
    assert account is not None
    return account.memberships[ACME]


async def status(authority: AuthorityCache) -> OrganizationStatus:
    standing = await authority.find_standing(ACME)
    assert standing is not None
    return standing.status


async def test_what_was_read_is_kept_for_a_minute(
    authority: AuthorityCache, redis: Redis, sessions: Sessions
) -> None:
    assert await is_admin(authority)
    await demote(sessions)

    # Nobody said that something changed, so this is what the cache alone can know.
    assert await is_admin(authority)
    assert 0 < await redis.ttl(f"authz:user:{ADA}") <= KEPT_SECONDS == 60


async def test_after_a_change_everybody_is_judged_anew(
    authority: AuthorityCache, redis: Redis, sessions: Sessions
) -> None:
    elsewhere = AuthorityCache(redis, sessions, environment=FIRST_TIER)
    assert await is_admin(authority)
    assert await is_admin(elsewhere)

    async with authority.revising_user(ADA):
        await demote(sessions)

    assert not await is_admin(elsewhere)
    assert not await is_admin(authority)


async def test_while_something_changes_the_database_decides(
    authority: AuthorityCache, redis: Redis, sessions: Sessions
) -> None:
    assert await is_admin(authority)
    dying = authority.revising_user(ADA)
    await dying.__aenter__()

    # The process that changed it was killed right after its commit: nothing is dropped any more.
    await demote(sessions)

    assert not await is_admin(authority)
    assert (await redis.get(f"authz:user:{ADA}")) == b"!"
    await dying.__aexit__(None, None, None)


async def test_who_read_before_a_change_does_not_keep_it_after(
    redis: Redis, sessions: Sessions
) -> None:
    has_read, may_store = asyncio.Event(), asyncio.Event()

    class SlowReader(AuthorityCache):
        """Reads, and then takes its time to store what it read."""

        @override
        async def _read(self, read: Read[Known]) -> Known | None:
            found = await super()._read(read)
            has_read.set()
            await may_store.wait()
            return found

    slow, other = (
        SlowReader(redis, sessions, environment=FIRST_TIER),
        AuthorityCache(redis, sessions, environment=FIRST_TIER),
    )
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(is_admin(slow))
        await has_read.wait()
        async with other.revising_user(ADA):
            await demote(sessions)
        may_store.set()

    assert reading.result()
    assert not await is_admin(other)


async def test_what_is_not_there_is_not_kept(authority: AuthorityCache, redis: Redis) -> None:
    unknown = OrganizationId(new_uuid())

    assert await authority.find_account(UserId(new_uuid())) is None
    assert await authority.find_key("0" * 64) is None
    assert await authority.find_standing(unknown) is None
    assert await redis.keys("authz:*") == []


async def test_a_suspension_is_known_at_once(authority: AuthorityCache, sessions: Sessions) -> None:
    assert await status(authority) is OrganizationStatus.ACTIVE

    async with (
        authority.revising_organization(ACME),
        transaction(sessions, PLATFORM, actor=operator_actor()) as session,
    ):
        (await session.get_one(Organization, ACME)).status = "suspended"

    assert await status(authority) is OrganizationStatus.SUSPENDED


async def _look_ahead(authority: AuthorityCache, redis: Redis) -> None:
    ahead = authority.look_ahead(ADA, ACME)
    held: Any = await redis.mget(ahead.names)
    ahead.keep(held)


async def test_what_is_looked_ahead_is_asked_of_no_store_and_told_once(
    authority: AuthorityCache, redis: Redis, sessions: Sessions
) -> None:
    await authority.find_standing(ACME)
    assert await is_admin(authority)
    await _look_ahead(authority, redis)
    assert authority.has_ahead(ACME)
    await redis.flushall()
    await demote(sessions)

    assert await is_admin(authority)
    assert await authority.find_standing(ACME) is not None
    assert not authority.has_ahead(ACME)
    assert not await is_admin(authority)


async def test_a_change_that_is_seen_ahead_is_judged_by_the_database(
    authority: AuthorityCache, redis: Redis, sessions: Sessions
) -> None:
    async with authority.revising_user(ADA), authority.revising_organization(ACME):
        await _look_ahead(authority, redis)
        await demote(sessions)

        assert not authority.has_ahead(ACME)
        assert not await is_admin(authority)


async def test_what_nobody_knows_ahead_is_read_and_kept(
    authority: AuthorityCache, redis: Redis
) -> None:
    await _look_ahead(authority, redis)

    assert not authority.has_ahead(ACME)
    assert await is_admin(authority)
    assert await authority.find_standing(ACME) is not None
    await _look_ahead(authority, redis)
    assert authority.has_ahead(ACME)
