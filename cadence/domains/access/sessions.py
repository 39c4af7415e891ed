"""Sessions in Redis: identity only; what somebody may do is read from the database each time."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from redis.asyncio import Redis

from cadence.config.settings import AccessSettings
from cadence.domains.access.ahead import Ahead
from cadence.domains.access.tokens import TokenClaims, hash_secret, new_secret
from cadence.kernel.clock import Clock
from cadence.kernel.ids import SessionId, UserId, new_ulid

REFRESH_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """A new session: what its token says, and when it ends at the latest."""

    claims: TokenClaims
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session that could still be used, as its owner may see it."""

    session_id: SessionId
    created_at: datetime
    expires_at: datetime
    address: str


class SessionStore:
    """Opens, checks and ends sessions; an ended one is refused on the next request."""

    def __init__(self, redis: Redis, clock: Clock, settings: AccessSettings) -> None:
        self._redis = redis
        self._clock = clock
        self._idle = timedelta(minutes=settings.token_expire_minutes)
        self._longest = timedelta(hours=settings.session_hours)
        self._slides = settings.session_sliding
        self._most = settings.max_sessions

    async def open(self, user_id: UserId, *, address: str) -> OpenedSession:
        """Start a session and drop the user's oldest ones above the limit."""
        now = self._clock.now()
        expires_at = now + (self._longest if self._slides else self._idle)
        claims = TokenClaims(user_id, SessionId(new_ulid()), new_secret())
        record = {
            "user_id": str(user_id),
            "secret_hash": hash_secret(claims.secret),
            "created_at": now.timestamp(),
            "expires_at": expires_at.timestamp(),
            "address": address,
        }
        # The index first: a session that is not in it could not be ended with the others.
        await self._redis.zadd(_index(user_id), {claims.session_id: expires_at.timestamp()})
        await self._redis.expireat(_index(user_id), expires_at)
        await self._redis.set(_key(claims.session_id), orjson.dumps(record), ex=self._idle)
        await self._drop_oldest(user_id, now)
        return OpenedSession(claims=claims, expires_at=expires_at)

    async def is_open(self, claims: TokenClaims, ahead: Ahead | None = None) -> bool:
        """Whether the token's session lives and handed out this very token; use prolongs it.

        What `ahead` names is fetched with it.
        """
        raw, left = await self._look(claims.session_id, ahead or Ahead())
        if raw is None:
            return False
        record = orjson.loads(raw)
        is_ours = hmac.compare_digest(record["secret_hash"], hash_secret(claims.secret))
        if not is_ours or record["user_id"] != str(claims.user_id):
            return False
        if self._slides:
            await self._prolong(claims.session_id, left=left, until=record["expires_at"])
        return True

    async def list_open(self, user_id: UserId) -> Sequence[LiveSession]:
        """Return a user's sessions that have neither ended nor idled out, newest first."""
        ids = await self._oldest(user_id, -1)
        # MGET of no key at all is an error to Redis.
        records = await self._redis.mget([_key(session_id) for session_id in ids]) if ids else []
        found = zip(ids, records, strict=True)
        live = [_live(session_id, raw) for session_id, raw in found if raw is not None]
        # ULIDs sort by the time they were made.
        return sorted(live, key=lambda session: session.session_id, reverse=True)

    async def end(self, user_id: UserId, session_id: SessionId) -> None:
        """End one session; one that is over already is no error."""
        await self._redis.delete(_key(session_id))
        await self._redis.zrem(_index(user_id), session_id)

    async def end_all(self, user_id: UserId, *, but: SessionId | None = None) -> None:
        """End every session of a user, perhaps but one."""
        for session_id in await self._oldest(user_id, -1):
            if session_id != but:
                await self.end(user_id, session_id)

    async def _oldest(self, user_id: UserId, last: int) -> list[SessionId]:
        found: Any = await self._redis.zrange(_index(user_id), 0, last)
        return [SessionId(raw.decode()) for raw in found]

    async def _look(self, session_id: SessionId, ahead: Ahead) -> tuple[bytes | None, int]:
        """Return what is kept of a session, and the seconds it has left; one round trip."""
        # Its commands are typed as if each had to be awaited; they are only queued.
        async with self._redis.pipeline(transaction=False) as queue:
            asked: Any = queue
            asked.get(_key(session_id))
            asked.ttl(_key(session_id))
            if ahead.names:
                asked.mget(ahead.names)
            raw, left, *held = await asked.execute()
        for values in held:
            ahead.keep(values)
        return raw, left

    async def _prolong(self, session_id: SessionId, *, left: int, until: float) -> None:
        if left > (self._idle - REFRESH_AFTER).total_seconds():
            return
        remaining = until - self._clock.now().timestamp()
        seconds = int(min(self._idle.total_seconds(), remaining))
        if seconds > left:
            await self._redis.expire(_key(session_id), seconds)

    async def _drop_oldest(self, user_id: UserId, now: datetime) -> None:
        await self._redis.zremrangebyscore(_index(user_id), 0, now.timestamp())
        surplus = await self._redis.zcard(_index(user_id)) - self._most
        if surplus > 0:
            for session_id in await self._oldest(user_id, surplus - 1):
                await self.end(user_id, session_id)


def _live(session_id: SessionId, raw: bytes | str) -> LiveSession:
    record = orjson.loads(raw)
    return LiveSession(
        session_id=session_id,
        created_at=datetime.fromtimestamp(record["created_at"], UTC),
        expires_at=datetime.fromtimestamp(record["expires_at"], UTC),
        address=record["address"],
    )


def _key(session_id: SessionId) -> str:
    return f"sess:{session_id}"


def _index(user_id: UserId) -> str:
    return f"user_sess:{user_id}"
