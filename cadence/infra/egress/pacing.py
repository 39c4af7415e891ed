"""How often a process reads its outbound connections when very many answers stream at once.

Each read of a token costs the same whether it brings one token or ten. Two hundred answers at fifty
tokens a second would be ten thousand reads a second, more than one core can do; so there is a
number of reads a second that all connections share. What arrives meanwhile waits in the kernel and
is read together. Nothing waits while few answers stream, nor for the beginning of any answer.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from anyio import BrokenResourceError
from anyio.abc import ByteStream
from typing_extensions import override

# Shared by all connections of a process: a third of a core, at 300 us for all that a read causes.
READS_PER_SECOND = 1000.0
# Seconds: so much may be saved up while little is read, and this is the longest that one waits.
SAVED_UP = 0.05
LONGEST_WAIT = 0.25
# Reads of each answer that never wait: a TLS handshake and the first words.
FREE_READS = 6
# A read that brought so many bytes was no token, and the next one will bring as many.
BULK_BYTES = 8192
# Bytes that wait to be sent together; a question is its head and its body.
HELD_BYTES = 65_536


class ReadPace:
    """Shares out reads, in the order in which they are asked for."""

    def __init__(self, *, per_second: float = READS_PER_SECOND) -> None:
        self._each = 1 / per_second
        self._taken_until = 0.0

    def take(self, now: float) -> float:
        """Take the next read and return the seconds until it is due; `now` is the loop's time."""
        due = max(self._taken_until, now - SAVED_UP) + self._each
        self._taken_until = min(due, now + LONGEST_WAIT)
        return max(0.0, self._taken_until - now)


class PacedStream(ByteStream):
    """A connection that is read at the pace of all.

    What is sent waits until an answer is, since a question's head and body are one packet then.
    """

    def __init__(self, stream: ByteStream, pace: ReadPace) -> None:
        self._stream = stream
        self._pace = pace
        self._free = FREE_READS
        self._unsent = bytearray()

    @property
    @override
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """What is known of the connection."""
        return self._stream.extra_attributes

    @override
    async def receive(self, max_bytes: int = 65_536) -> bytes:
        """Wait for the next read that is due, and read; what has to be said is said before."""
        # Who does not listen may have answered already.
        with suppress(BrokenResourceError):
            await self._send_held()
        if self._free > 0:
            self._free -= 1
        else:
            wait = self._pace.take(asyncio.get_running_loop().time())
            if wait:
                await asyncio.sleep(wait)
        read = await self._stream.receive(max_bytes)
        if len(read) >= BULK_BYTES:
            self._free = max(self._free, 1)
        return read

    @override
    async def send(self, item: bytes) -> None:
        """Send with what follows; what answers it begins without waiting."""
        self._free = FREE_READS
        self._unsent += item
        if len(self._unsent) > HELD_BYTES:
            await self._send_held()

    @override
    async def send_eof(self) -> None:
        await self._send_held()
        await self._stream.send_eof()

    @override
    async def aclose(self) -> None:
        # A question that was broken off before anybody waited for its answer is not put any more.
        await self._stream.aclose()

    async def _send_held(self) -> None:
        if self._unsent:
            held, self._unsent = bytes(self._unsent), bytearray()
            await self._stream.send(held)
