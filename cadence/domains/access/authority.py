"""What somebody may do, kept in Redis for a minute and dropped before a change of it is answered.

Every process reads the same Redis, so a change is effective on the next request everywhere. While
something is being changed its entry says so, and whoever asks is judged by the database: a process
that dies between its commit and the drop leaves nobody with an old role (SECURITY.md T20).
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pydantic import TypeAdapter
from redis.asyncio import Redis

from cadence.config.declaring import Value
from cadence.domains.access.ahead import Ahead
from cadence.domains.access.permissions import Account, KeyAccount, Standing
from cadence.domains.access.repository import AccessRepository
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.ids import ApiKeyId, OrganizationId, UserId

Known = TypeVar("Known")
Read = Callable[[AccessRepository], Awaitable[Known | None]]

KEPT_SECONDS = 60
KNOWN, READING, CHANGING = b"=", b"?", b"!"
# Only the reader whose mark still stands may store what it read: a change removes the mark.
_STORE = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then "
    "redis.call('set', KEYS[1], ARGV[2], 'EX', ARGV[3]) end return 1"
)
_ACCOUNT = TypeAdapter(Account)
_KEY = TypeAdapter(KeyAccount)
_STANDING = TypeAdapter(Standing)


class AuthorityCache:
    """Accounts with their memberships, service keys, and organizations' status and limits.

    `environment` is the first tier of settings. One that is made for a request may be asked to look
    ahead for it.
    """

    def __init__(
        self, redis: Redis, sessions: Sessions, *, environment: Mapping[str, Value | None]
    ) -> None:
        self._redis = redis
        self._sessions = sessions
        self._environment = environment
        self._ahead = Ahead()

    def look_ahead(self, user_id: UserId, organization_id: OrganizationId | None) -> Ahead:
        """Name what will be asked for, for whoever talks to Redis anyway."""
        organizations = () if organization_id is None else (_organization(organization_id),)
        self._ahead = Ahead(_user(user_id), *organizations)
        return self._ahead

    def has_ahead(self, organization_id: OrganizationId) -> bool:
        """Whether an organization's standing is here, so that no store is asked for it."""
        held = self._ahead.peek(_organization(organization_id))
        return held is not None and held.startswith(KNOWN)

    async def find_account(self, user_id: UserId) -> Account | None:
        """Return a user with all of their memberships."""
        return await self._find(_user(user_id), _ACCOUNT, lambda rows: rows.find_account(user_id))

    async def find_key(self, key_hash: str) -> KeyAccount | None:
        """Return the service key of this sha256, unless it is revoked."""
        return await self._find(_key(key_hash), _KEY, lambda rows: rows.find_key(key_hash))

    async def find_standing(self, organization_id: OrganizationId) -> Standing | None:
        """Return an organization's status and limits, or None when there is no such one."""
        return await self._find(
            _organization(organization_id),
            _STANDING,
            lambda rows: rows.find_standing(organization_id, self._environment),
        )

    async def is_use_worth_noting(self, key_id: ApiKeyId) -> bool:
        """Whether a service key's use was not noted for a minute; then it is the asker's turn."""
        name = f"authz:used:{key_id}"
        return bool(await self._redis.set(name, b"", nx=True, ex=KEPT_SECONDS))

    @asynccontextmanager
    async def revising_user(self, user_id: UserId) -> AsyncIterator[None]:
        """Judge a user by the database alone until the block ends, and anew from then on."""
        async with self._revising(_user(user_id)):
            yield

    @asynccontextmanager
    async def revising_key(self, key_hash: str) -> AsyncIterator[None]:
        """Do the same for a service key."""
        async with self._revising(_key(key_hash)):
            yield

    @asynccontextmanager
    async def revising_organization(self, organization_id: OrganizationId) -> AsyncIterator[None]:
        """Do the same for an organization."""
        async with self._revising(_organization(organization_id)):
            yield

    @asynccontextmanager
    async def _revising(self, name: str) -> AsyncIterator[None]:
        await self._redis.set(name, CHANGING, ex=KEPT_SECONDS)
        try:
            yield
        finally:
            await self._redis.delete(name)

    async def _find(self, name: str, kind: TypeAdapter[Known], read: Read[Known]) -> Known | None:
        kept = await self._look(name)
        if kept is not None:
            is_known = kept.startswith(KNOWN)
            return kind.validate_json(kept[len(KNOWN) :]) if is_known else await self._read(read)
        mark = READING + secrets.token_hex(8).encode()
        await self._redis.set(name, mark, nx=True, ex=KEPT_SECONDS)
        found = await self._read(read)
        # What is not there is not kept: anybody can ask for any number of ids.
        if found is None:
            await self._redis.delete(name)
        else:
            value = KNOWN + kind.dump_json(found)
            await self._redis.eval(_STORE, 1, name, mark, value, KEPT_SECONDS)
        return found

    async def _look(self, name: str) -> bytes | None:
        if self._ahead.is_holding(name):
            return self._ahead.take(name)
        # Its types leave open whether answers are decoded; ours are not.
        kept: Any = await self._redis.get(name)
        found: bytes | None = kept
        return found

    async def _read(self, read: Read[Known]) -> Known | None:
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return await read(AccessRepository(session))


def _user(user_id: UserId) -> str:
    return f"authz:user:{user_id}"


def _key(key_hash: str) -> str:
    return f"authz:key:{key_hash}"


def _organization(organization_id: OrganizationId) -> str:
    return f"authz:org:{organization_id}"
