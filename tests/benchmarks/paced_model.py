"""A model server for load, in a process of its own: 20 ms to the first token, then 50 a second.

Every stream of a moment is written the same bytes, made once for that moment, so that the server
takes little of the cores that it shares with what is measured. A token's text is the time at which
it was written, and the first one's also how long the request had been here.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop
from typing_extensions import override

FIRST_TOKEN_SECONDS = 0.02
TOKENS_PER_SECOND = 50
# A stamp in the text: microseconds of the clock that all processes of a machine share.
STAMP = re.compile(rb"t(\d{15})")
WAITED = re.compile(rb"w(\d{9})")

_TICK = 0.001
_EVERY = round(1 / TOKENS_PER_SECOND / _TICK)
_FIRST = round(FIRST_TOKEN_SECONDS / _TICK)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TOKENS = re.compile(rb'"model": ?"tokens-(\d+)"')
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def now() -> int:
    """Return the microseconds of the clock that all processes of a machine share."""
    return time.monotonic_ns() // 1000


def _framed(payload: bytes) -> bytes:
    frame = b"data: %b\n\n" % payload
    return b"%x\r\n%b\r\n" % (len(frame), frame)


def _chunk(choices: bytes, usage: bytes = b"null") -> bytes:
    return _framed(
        b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,'
        b'"model":"paced","choices":%b,"usage":%b}' % (choices, usage)
    )


def _said(text: bytes) -> bytes:
    return _chunk(b'[{"index":0,"delta":{"content":"%b "},"finish_reason":null}]' % text)


_OPENED = _HEAD + _chunk(
    b'[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]'
)


def _end(tokens: int) -> bytes:
    usage = b'{"prompt_tokens":500,"completion_tokens":%d,"total_tokens":%d}'
    return (
        _chunk(b'[{"index":0,"delta":{},"finish_reason":"stop"}]')
        + _chunk(b"[]", usage % (tokens, 500 + tokens))
        + _framed(b"[DONE]")
        + b"0\r\n\r\n"
    )


class _Wheel:
    """Writes to every stream whose turn it is; one timer for all."""

    def __init__(self) -> None:
        self._slots: list[list[_Connection]] = [[] for _ in range(_EVERY)]
        self._at = 0

    async def turn(self) -> None:
        """Go on for ever."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            wait = begun + (self._at + 1) * _TICK - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self._at += 1
            self._tick()

    def add(self, connection: "_Connection") -> None:
        """Let a stream begin."""
        self._slots[(self._at + _FIRST) % _EVERY].append(connection)

    def _tick(self) -> None:
        slot = self._slots[self._at % _EVERY]
        if not slot:
            return
        stamp = now()
        shared = _said(b"t%015d" % stamp)
        going = [connection for connection in slot if connection.say(shared, stamp)]
        self._slots[self._at % _EVERY] = going


class _Connection(asyncio.Protocol):
    """One client's socket; requests on it come one after another."""

    def __init__(self, wheel: _Wheel) -> None:
        self._wheel = wheel
        self._read = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self._left = self._tokens = self._came = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one without being of that class.
        self._transport = cast("asyncio.WriteTransport", transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    @override
    def data_received(self, data: bytes) -> None:
        self._read += data
        head = self._read.find(b"\r\n\r\n")
        if head < 0 or self._transport is None:
            return
        length = _LENGTH.search(self._read, 0, head)
        end = head + 4 + (int(length[1]) if length else 0)
        if len(self._read) < end:
            return
        request = bytes(self._read[:end])
        del self._read[:end]
        tokens = _TOKENS.search(request)
        self._came = now()
        self._left = self._tokens = int(tokens[1]) if tokens else 1
        self._wheel.add(self)

    def say(self, shared: bytes, stamp: int) -> bool:
        """Write a token, and tell whether there are more to come."""
        if self._transport is None:
            return False
        if self._left == self._tokens:
            first = _said(b"w%09d t%015d" % (stamp - self._came, stamp))
            shared = _OPENED + first
        self._left -= 1
        self._transport.write(shared if self._left else shared + _end(self._tokens))
        return bool(self._left)


@contextmanager
def open_paced_model() -> Iterator[tuple[str, int]]:
    """Run the server and yield its address and its process."""
    command = [sys.executable, "-m", "tests.benchmarks.paced_model"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}", server.pid
        finally:
            server.terminate()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    wheel = _Wheel()
    server = await loop.create_server(lambda: _Connection(wheel), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wheel.turn())
        tasks.create_task(server.serve_forever())


if __name__ == "__main__":
    uvloop.run(_serve())
