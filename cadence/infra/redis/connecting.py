"""Opens Redis by URL; `memory://` is fakeredis, which only this process sees."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from cadence.infra.redis.connections import tell_resets

MEMORY = "memory://"
# Seconds; either is less than the two in which a request is answered while Redis is away.
CONNECT_SECONDS = 1.5
ANSWER_SECONDS = 1.5
# A command may wait for something to happen this long, and no longer: its answer then comes well
# within `ANSWER_SECONDS`.
BLOCK_MS = 1000
# Seconds without use after which a connection is tried before it is used.
IDLE_SECONDS = 15
# Each open event stream holds a connection; the driver's own limit of 100 would refuse the rest.
MOST_CONNECTIONS = 5000


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis]:
    """Open a client that answers in bytes, and close it at the end."""
    client: Redis = FakeAsyncRedis() if url == MEMORY else _connect(url)
    try:
        yield client
    finally:
        await client.aclose()


def _connect(url: str) -> Redis:
    client = Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        socket_keepalive=True,
        health_check_interval=IDLE_SECONDS,
        max_connections=MOST_CONNECTIONS,
        # The driver's own name and version, in two commands for each connection, tell us nothing.
        driver_info=None,
        # Once more for a connection that a restart has closed; the driver's ten times would take
        # seconds. Never after a timeout, which has used up the time there is.
        retry=Retry(NoBackoff(), retries=1, supported_errors=(RedisConnectionError,)),
    )
    return tell_resets(client)
