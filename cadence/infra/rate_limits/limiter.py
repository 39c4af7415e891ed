"""Opens the limiter by URL; while Redis is away, this process counts alone and more strictly."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from cadence.infra.rate_limits.in_memory import MemoryLimiter
from cadence.infra.rate_limits.in_redis import RedisLimiter
from cadence.infra.rate_limits.quotas import Bucket, Quota, RateLimiter
from cadence.infra.redis.connecting import MEMORY
from cadence.infra.redis.connections import tell_resets

# A request waits for Redis to count it for 8 times 50 ms; then Redis is left alone for a second.
TICK, TICKS = 0.05, 8
BACK_OFF = 1.0
# A burst of hits must not spend its time on opening connections.
CONNECTIONS = 8

Answer = TypeVar("Answer")
log = structlog.get_logger(__name__)


class FailoverLimiter:
    """Counts in the shared store; while that is away, in this process with half of each limit."""

    def __init__(
        self,
        shared: RateLimiter,
        local: RateLimiter,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._shared = shared
        self._local = local
        self._monotonic = monotonic
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._is_away = False
        self._ask_again_at = 0.0

    async def hit(self, *buckets: Bucket) -> Sequence[Quota]:
        """Count one hit for each bucket that has room, and tell how all of them stand."""
        quotas = await self._ask(self._shared.hit, *buckets)
        if quotas is not None:
            return quotas
        return await self._local.hit(*(bucket.halved() for bucket in buckets))

    async def give_back(self, bucket: Bucket) -> None:
        """Take back one hit that was allowed."""
        if await self._ask(_done(self._shared.give_back), bucket) is None:
            await self._local.give_back(bucket)

    async def clear(self, bucket: Bucket) -> None:
        """Forget all hits of a bucket, those of an outage too."""
        await self._ask(_done(self._shared.clear), bucket)
        await self._local.clear(bucket)

    async def _ask(
        self, question: Callable[..., Awaitable[Answer]], *buckets: Bucket
    ) -> Answer | None:
        """Return the shared store's answer, or None when there is none."""
        async with self._turns:
            if not self._may_ask():
                return None
            try:
                async with _patience():
                    answer = await question(*buckets)
            except (RedisError, OSError) as error:
                self._lose(error)
                return None
            self._regain()
            return answer

    def _may_ask(self) -> bool:
        if not self._is_away:
            return True
        now = self._monotonic()
        if now < self._ask_again_at:
            return False
        # One request tries, the others need not wait for what it finds out.
        self._ask_again_at = now + BACK_OFF
        return True

    def _lose(self, error: Exception) -> None:
        self._ask_again_at = self._monotonic() + BACK_OFF
        if not self._is_away:
            self._is_away = True
            log.warning("rate_limits_on_their_own", error=type(error).__name__)

    def _regain(self) -> None:
        if self._is_away:
            self._is_away = False
            log.info("rate_limits_shared_again")


@asynccontextmanager
async def open_rate_limiter(
    url: str, *, monotonic: Callable[[], float] = time.monotonic
) -> AsyncIterator[RateLimiter]:
    """Open the limiter of a store; a Redis need not be there yet."""
    local = MemoryLimiter()
    try:
        if url == MEMORY:
            yield local
        else:
            async with _open_redis(url) as redis:
                yield FailoverLimiter(RedisLimiter(redis), local, monotonic=monotonic)
    finally:
        await local.close()


def _open_redis(url: str) -> Redis:
    # One more try, at once: a connection that has idled may have been closed by the other side.
    client = Redis.from_url(url, retry=Retry(NoBackoff(), 1), max_connections=CONNECTIONS)
    return tell_resets(client)


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    """Raise `TimeoutError` after a while, not counting what this process was itself too busy for.

    One timer would go off in a busy process although the answer is there and only waits to be read;
    after each of many, the loop has looked what is there.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(TICK, lambda: tick(TICKS - 1))

        def tick(left: int) -> None:
            nonlocal timer
            if left == 0:
                limit.reschedule(loop.time())
            else:
                timer = loop.call_later(TICK, tick, left - 1)

        try:
            yield
        finally:
            timer.cancel()


def _done(question: Callable[[Bucket], Awaitable[None]]) -> Callable[[Bucket], Awaitable[bool]]:
    async def ask(bucket: Bucket) -> bool:
        await question(bucket)
        return True

    return ask
