"""Clients that keep streams open, cheap enough to share the machine with what they measure."""

import asyncio
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from typing_extensions import override

from tests.benchmarks.paced_model import STAMP, WAITED, now

_COMPLETED = b'"outcome":"completed"'
_FINAL = b'"final":true'
_DONE = b"data: [DONE]"
_KEPT = 64  # of what was read last, since a stamp may be cut by the end of a read


@dataclass(slots=True)
class Heard:
    """What all clients of one measurement have seen; times in microseconds."""

    first: list[int] = field(default_factory=list)
    lag: list[int] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    turns: int = 0
    tokens: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it goes over the wire, and how many tokens answer it."""

    url: str
    head: bytes
    body: bytes
    tokens: int
    is_run: bool

    @property
    def request(self) -> bytes:
        """The bytes to send."""
        return self.head + b"content-length: %d\r\n\r\n" % len(self.body) + self.body


class _Stream(asyncio.Protocol):
    """One connection, on which turn follows turn."""

    def __init__(self, asked: Asked, heard: Heard) -> None:
        self._asked = asked
        self._heard = heard
        self._transport: asyncio.WriteTransport | None = None
        self._rest = b""
        self._sent = self._last = self._tokens = self._stamp = 0
        self._ended: asyncio.Future[None] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end(f"the connection was lost after {self._tokens} tokens")

    async def play(self) -> None:
        """Ask once and read the answer to its end."""
        self._ended = asyncio.get_running_loop().create_future()
        self._rest, self._tokens, self._last, self._stamp = b"", 0, 0, 0
        if self._transport is None:
            self._end("there is no connection")
        else:
            self._sent = now()
            self._transport.write(self._asked.request)
        await self._ended

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        if self._ended is None or self._ended.done():
            return
        came = now()
        heard = self._heard
        text = self._rest + data
        if not self._last and b"HTTP/1.1 200" not in text[:200] and text.startswith(b"HTTP/1.1 "):
            self._end(f"it was answered {text[:600]!r}")
            return
        stamps, cut = [], 0
        for found in STAMP.finditer(text):
            stamps.append(int(found[1]))
            cut = found.end()
        if stamps:
            self._note(stamps, text, came)
        heard.events += data.count(b"event: ")
        self._rest = text[max(cut, len(text) - _KEPT) :]
        if (_FINAL if self._asked.is_run else _DONE) in text:
            self._finish(text)

    def _note(self, stamps: list[int], text: bytes, came: int) -> None:
        heard = self._heard
        if self._last:
            heard.gaps.append(came - self._last)
        else:
            waited = WAITED.search(text)
            heard.first.append(came - self._sent - (int(waited[1]) if waited else 0))
        heard.lag.extend(came - stamp for stamp in stamps)
        if stamps[0] <= self._stamp:
            heard.errors.append("a token came out of order")
        self._stamp = stamps[-1]
        self._last = came
        self._tokens += len(stamps)
        heard.tokens += len(stamps)

    def _finish(self, text: bytes) -> None:
        if self._tokens != self._asked.tokens:
            self._end(f"{self._tokens} of {self._asked.tokens} tokens came")
        elif self._asked.is_run and _COMPLETED not in text:
            self._end(f"it ended with {text[-400:]!r}")
        else:
            self._heard.turns += 1
            self._end(None)

    def _end(self, error: str | None) -> None:
        if self._ended is None or self._ended.done():
            return
        if error is not None:
            self._heard.errors.append(error)
        self._ended.set_result(None)


async def keep_open(asked: Asked, heard: Heard, *, until: float, after: float) -> None:
    """Play turn after turn on one connection, from `after` seconds on, until a time of the loop."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(after)
    host, port = _place(asked.url)
    while loop.time() < until:
        try:
            _, stream = await loop.create_connection(lambda: _Stream(asked, heard), host, port)
        except OSError as failure:
            heard.errors.append(f"no connection: {failure}")
            await asyncio.sleep(0.2)
            continue
        errors = 0
        while loop.time() < until and not errors:
            before = len(heard.errors)
            await stream.play()
            errors = len(heard.errors) - before
        stream.close()


def _place(url: str) -> tuple[str, int]:
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    return place.hostname, place.port
