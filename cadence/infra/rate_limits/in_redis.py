"""Counts hits in Redis by the scripts of `limits`, in one round trip for however many buckets."""

from collections.abc import Sequence
from typing import Any

from limits.aio.storage.redis.bridge import RedisBridge
from redis.asyncio import Redis

from cadence.infra.rate_limits.quotas import Bucket, Quota, Window, quota_of

PREFIX = "rate:"

# The library's own client sends each of these as a command of its own: twice the work for a bucket
# (docs/decisions/0011). They are sent as text, so that a Redis that has restarted knows them.
_TAKE = RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode()
_LOOK = RedisBridge.SCRIPT_SLIDING_WINDOW.decode()
_GIVE_BACK = """
if tonumber(redis.call('get', KEYS[1]) or '0') > 0 then
    return redis.call('decr', KEYS[1])
end
"""


class RedisLimiter:
    """Counters that all processes share; raises whatever the client does when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def hit(self, *buckets: Bucket) -> Sequence[Quota]:
        """Count one hit for each bucket that has room, and tell how all of them stand."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for bucket in buckets:
                _append(pipe, bucket)
            answers = await pipe.execute()
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return [
            quota_of(bucket.limit, _window(stored), allowed=taken is not None)
            for bucket, (taken, stored) in zip(buckets, pairs, strict=True)
        ]

    async def give_back(self, bucket: Bucket) -> None:
        """Take back one hit that was allowed."""
        _, current = _keys(bucket)
        answer: Any = self._redis.eval(_GIVE_BACK, 1, current)
        await answer

    async def clear(self, bucket: Bucket) -> None:
        """Forget all hits of a bucket."""
        await self._redis.delete(*_keys(bucket))


def _append(pipe: Any, bucket: Bucket) -> None:
    # Its commands are typed as if each had to be awaited; they are only queued.
    keys, limit = _keys(bucket), bucket.limit
    pipe.eval(_TAKE, 2, *keys, limit.amount, limit.seconds, 1)
    pipe.eval(_LOOK, 2, *keys, limit.seconds)


def _keys(bucket: Bucket) -> tuple[str, str]:
    # Braces keep both on one node of a cluster, where a script may touch no other.
    current = f"{{{PREFIX}{bucket.key}}}"
    return f"{current}/-1", current


def _window(stored: Sequence[Any]) -> Window:
    previous, previous_left, current, current_left = stored
    return Window(
        previous=int(previous or 0),
        previous_left=max(0, previous_left) / 1000,
        current=int(current or 0),
        current_left=max(0, current_left) / 1000,
    )
