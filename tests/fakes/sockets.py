"""TCP endpoints that fail before any HTTP: they refuse, never accept, never answer or reset."""

import asyncio
import contextlib
import socket
import struct
from asyncio.trsock import TransportSocket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from typing_extensions import override

LOOPBACK = "127.0.0.1"
# Linger on, for 0 seconds: closing sends RST instead of FIN.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address on this machine."""

    port: int

    @property
    def url(self) -> str:
        """The address as a base_url without path."""
        return f"http://{LOOPBACK}:{self.port}"


def unused_port() -> int:
    """Return a port that was free a moment ago, for a server that must be told its port."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        return _port(taken)


@contextmanager
def open_refusing_endpoint() -> Iterator[Endpoint]:
    """Hold a port that nobody listens on, so that every connection is refused."""
    with socket.socket() as held:
        held.bind((LOOPBACK, 0))
        yield Endpoint(_port(held))


@contextmanager
def open_unaccepting_endpoint() -> Iterator[Endpoint]:
    """Listen with a full queue: connecting takes for ever."""
    with contextlib.ExitStack() as opened, socket.create_server((LOOPBACK, 0), backlog=0) as full:
        for _ in range(2):
            filler = opened.enter_context(socket.socket())
            # The first one fills the queue; without a wait the second one cannot block us.
            filler.settimeout(0)
            filler.connect_ex(full.getsockname())
        yield Endpoint(_port(full))


@contextmanager
def open_unanswering_endpoint() -> Iterator[Endpoint]:
    """Let clients connect and write, and never send a byte."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        yield Endpoint(_port(silent))


@asynccontextmanager
async def open_resetting_endpoint() -> AsyncIterator[Endpoint]:
    """Reset every connection as soon as its client has sent something."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Resetting, LOOPBACK, 0)
    async with server:
        yield Endpoint(_port(server.sockets[0]))


class _Resetting(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE
        )
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.abort()


def _port(bound: socket.socket | TransportSocket) -> int:
    port = bound.getsockname()[1]
    assert isinstance(port, int)
    return port
