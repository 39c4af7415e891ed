"""Opens Redis by URL; `memory://` is fakeredis, which only this process sees."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

MEMORY = "memory://"


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis]:
    """Open a client that answers in bytes, and close it at the end."""
    client: Redis = FakeAsyncRedis() if url == MEMORY else Redis.from_url(url)
    try:
        yield client
    finally:
        await client.aclose()
