"""Connections whose end is always told as one of the driver's errors, on uvloop too."""

from collections.abc import Iterable
from typing import Any

from redis.asyncio import Connection, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from typing_extensions import override


class _Telling(AbstractConnection):
    """A connection that was reset says so.

    uvloop raises a `RuntimeError` for writing to one, which the driver takes for a fault of its
    own; it would neither try again nor be known to mean that Redis is away.
    """

    @override
    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as failure:
            raise RedisConnectionError("The connection is closed.") from failure


class _Plain(_Telling, Connection):
    """Over TCP."""


class _OverTls(_Telling, SSLConnection):
    """Over TLS."""


_BETTER: dict[type[Any], type[Any]] = {Connection: _Plain, SSLConnection: _OverTls}


def tell_resets(client: Redis) -> Redis:
    """Return the client with connections that know a reset for what it is; none is open yet."""
    pool = client.connection_pool
    pool.connection_class = _BETTER.get(pool.connection_class, pool.connection_class)
    return client
