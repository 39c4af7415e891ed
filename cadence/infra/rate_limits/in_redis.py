"""Counts hits in Redis by the scripts of `limits`, in one round trip for however many buckets."""

from collections.abc import Sequence
from typing import Any

from limits.aio.storage.redis.bridge import RedisBridge
from redis.asyncio import Redis

from cadence.infra.rate_limits.quotas import Bucket, Quota, Window, quota_of

PREFIX = "rate:"

# The library's own client sends each of its scripts as a command of its own: twice the work for a
# bucket (docs/decisions/0011). Here they are functions of one script. It is sent as text, so that a
# Redis that has restarted knows it.
# KEYS: two of each bucket. ARGV: amount and seconds of each. Answers for each whether the hit was
# taken, 1 or nothing, and its four figures.
_HIT = f"""
local function take(KEYS, ARGV)
{RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode()}
end
local function look(KEYS, ARGV)
{RedisBridge.SCRIPT_SLIDING_WINDOW.decode()}
end
local answers = {{}}
for place = 1, #KEYS, 2 do
  local keys = {{KEYS[place], KEYS[place + 1]}}
  local taken = take(keys, {{ARGV[place], ARGV[place + 1], 1}})
  local stored = look(keys, {{ARGV[place + 1]}})
  answers[#answers + 1] = {{taken, stored[1], stored[2], stored[3], stored[4]}}
end
return answers
"""
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
        keys = [key for bucket in buckets for key in _keys(bucket)]
        limits = [
            figure for bucket in buckets for figure in (bucket.limit.amount, bucket.limit.seconds)
        ]
        # Its types leave open whether answers are awaited; ours are.
        answer: Any = self._redis.eval(_HIT, len(keys), *keys, *limits)
        return [
            quota_of(bucket.limit, _window(stored), allowed=taken is not None)
            for bucket, (taken, *stored) in zip(buckets, await answer, strict=True)
        ]

    async def give_back(self, bucket: Bucket) -> None:
        """Take back one hit that was allowed."""
        _, current = _keys(bucket)
        answer: Any = self._redis.eval(_GIVE_BACK, 1, current)
        await answer

    async def clear(self, bucket: Bucket) -> None:
        """Forget all hits of a bucket."""
        await self._redis.delete(*_keys(bucket))


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
