"""Tells all nodes, and whoever asks over the API, which plugins rest and why."""

from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A plugin that is left alone now, `seconds_left` from now on."""

    crashes: int
    seconds_left: float


class QuarantineBoard:
    """Keys in Redis that end with the rest they tell of; without Redis there is none to see."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, organization: str, sha256: str, *, crashes: int, seconds: float) -> None:
        """Note that a plugin rests."""
        lasting = max(1, round(seconds * _MILLISECONDS))
        try:
            await self._redis.set(_key(organization, sha256), crashes, px=lasting)
        except RedisError as failure:
            log.warning("plugin_quarantine_not_told", error=type(failure).__name__)

    async def find(self, organization: str, sha256: str) -> Rest | None:
        """Return whether a plugin rests; None also while Redis is away."""
        key = _key(organization, sha256)
        try:
            crashes = await self._redis.get(key)
            if crashes is None:
                return None
            left = await self._redis.pttl(key)
        except RedisError as failure:
            log.warning("plugin_quarantine_not_read", error=type(failure).__name__)
            return None
        if left <= 0:
            return None
        return Rest(crashes=int(crashes), seconds_left=left / _MILLISECONDS)


def _key(organization: str, sha256: str) -> str:
    return f"plugin-quarantine:{organization}:{sha256}"
