"""Reads a streamed answer ahead, so that what arrives together is handed on together."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol

import httpx
import httpx2
from typing_extensions import override

from cadence.kernel.own_task import end

# Bytes that may wait for whoever parses them before the provider has to wait too.
READ_AHEAD_BYTES = 262_144


class Stream(Protocol):
    """An answer's body in either library."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Read it."""
        ...

    async def aclose(self) -> None:
        """Close it and, when it was not read to its end, its socket."""
        ...


class JoinedBody(httpx.AsyncByteStream, httpx2.AsyncByteStream):
    """An answer's body in as few parts as possible.

    One chunk of HTTP is one token, and each part goes through a dozen of generators of the vendors'
    libraries. Its own task takes all chunks that one read of the socket has brought, and only then
    whoever parses them gets its turn. It reads from the start, while the library still looks at the
    answer's head. `aclose` ends the task; `closing_responses` calls it at last.
    """

    def __init__(self, body: Stream) -> None:
        self._body = body
        self._parts: list[bytes] = []
        self._size = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._is_over = False
        self._failure: BaseException | None = None
        # No TaskGroup: this is left half-way whenever a turn is cancelled.
        self._reading = asyncio.get_running_loop().create_task(self._read(body))

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts; raises what reading them raised."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self._parts:
                yield self._take()
            if self._is_over and not self._parts:
                self._news.set()
                break
        if self._failure is not None:
            raise self._failure

    @override
    async def aclose(self) -> None:
        """Stop reading and close the answer."""
        try:
            await end(self._reading)
        finally:
            await self._body.aclose()

    def _take(self) -> bytes:
        parts, self._parts, self._size = self._parts, [], 0
        self._room.set()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _read(self, body: AsyncIterable[bytes]) -> None:
        try:
            async for part in body:
                self._parts.append(part)
                self._size += len(part)
                self._news.set()
                if self._size > READ_AHEAD_BYTES:
                    self._room.clear()
                    await self._room.wait()
        except Exception as failure:  # noqa: BLE001  # raised where the answer is read
            self._failure = failure
        finally:
            self._is_over = True
            self._news.set()
