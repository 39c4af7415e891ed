"""Bounds a model's answer in bytes, whichever library reads it."""

from collections.abc import AsyncIterator

import httpx
import httpx2
from typing_extensions import override

from cadence.engine.read_ahead import Stream

# The longest answers have a hundred thousand tokens, each in an event of some three hundred bytes.
MOST_BYTES = 67_108_864


class BoundedBody(httpx.AsyncByteStream, httpx2.AsyncByteStream):
    """An answer's body that raises `ValueError` when it is longer than any answer.

    A tenant chooses the server, and the vendors' libraries keep whatever comes.
    """

    def __init__(self, body: Stream, *, most: int = MOST_BYTES) -> None:
        self._body = body
        self._left = most

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts."""
        async for part in self._body:
            self._left -= len(part)
            if self._left < 0:
                raise ValueError("the answer is longer than any model's")
            yield part

    @override
    async def aclose(self) -> None:
        """Close the answer."""
        await self._body.aclose()
