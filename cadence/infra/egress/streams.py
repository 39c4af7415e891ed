"""Connections to checked addresses, for whoever carries bytes that others speak."""

import asyncio

from cadence.infra.egress.guard import Guard
from cadence.infra.egress.rules import Scheme

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class GuardedStreams:
    """Connects to hosts within the rules and leaves what is said there to its caller."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def open(self, host: str, port: int, *, scheme: Scheme, within: float) -> Streams:
        """Connect to the first of the host's checked addresses that answers; no TLS is begun.

        `within` is in seconds for look-up and connection. The caller closes the writer. Raises
        `EgressBlocked`, `TimeoutError`, and `OSError` for a host that cannot be reached.
        """

        async def attempt(address: str, seconds: float | None) -> Streams:
            async with asyncio.timeout(seconds):
                return await asyncio.open_connection(address, port)

        return await self._guard.connect(
            host, port, scheme=scheme, within=within, attempt=attempt, failures=(OSError,)
        )
