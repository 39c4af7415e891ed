"""The proxy does to a plain TCP client what each weather says, also to one that is connected."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from tests.fakes.sockets import LOOPBACK
from tests.fakes.tcp_proxy import TcpProxy, Weather, open_tcp_proxy

SOON = 0.3


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65_536):
            writer.write(piece)
        writer.write(b"end")
        await writer.drain()
    except OSError:
        pass  # the client was reset
    finally:
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    """A proxy before a server that sends back what it gets."""
    server = await asyncio.start_server(_echo, LOOPBACK, 0)
    async with server:
        with open_tcp_proxy(LOOPBACK, server.sockets[0].getsockname()[1]) as proxy:
            yield proxy


class Talk:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, words: bytes) -> bytes:
        self.writer.write(words)
        return await self.reader.readexactly(len(words))

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


Connect = Callable[[], Awaitable[Talk]]


@pytest.fixture
async def connect(proxy: TcpProxy) -> AsyncIterator[Connect]:
    """Open connections to the proxy, which are closed at the end."""
    talks: list[Talk] = []

    async def connect() -> Talk:
        talks.append(Talk(*await asyncio.open_connection(LOOPBACK, proxy.port)))
        return talks[-1]

    yield connect
    for talk in talks:
        await talk.close()


async def test_in_fair_weather_everything_passes_and_is_counted(
    proxy: TcpProxy, connect: Connect
) -> None:
    talk = await connect()

    assert await talk.ask(b"hello") == b"hello"
    talk.writer.write_eof()
    assert await talk.reader.read() == b"end", "the end of one side leaves the other one open"
    assert (proxy.counts.accepted, proxy.counts.upward, proxy.counts.downward) == (1, 5, 8)
    await talk.close()
    async with asyncio.timeout(SOON):
        while proxy.open_lines:  # noqa: ASYNC110  # another thread counts
            await asyncio.sleep(0.01)


async def test_a_delay_holds_up_both_ways_of_an_open_connection(
    proxy: TcpProxy, connect: Connect
) -> None:
    talk = await connect()
    assert await talk.ask(b"hello") == b"hello"

    with proxy.weather(Weather(delay=0.2)):
        began = time.monotonic()
        assert await talk.ask(b"late") == b"late"
        assert time.monotonic() - began >= 2 * 0.2


async def test_little_gets_through_at_once_when_it_is_throttled(
    proxy: TcpProxy, connect: Connect
) -> None:
    talk = await connect()

    with proxy.weather(Weather(bytes_per_second=1000)):
        began = time.monotonic()
        assert len(await talk.ask(b"x" * 200)) == 200
        assert time.monotonic() - began >= 2 * 0.2


async def test_in_the_dark_nothing_comes_through_until_it_is_over(
    proxy: TcpProxy, connect: Connect
) -> None:
    old = await connect()
    assert await old.ask(b"hello") == b"hello"

    proxy.set(Weather(is_dark=True))
    new = await connect()
    asked = [asyncio.ensure_future(each.ask(b"anyone?")) for each in (old, new)]
    _, waiting = await asyncio.wait(asked, timeout=SOON)

    assert len(waiting) == 2
    proxy.set(Weather())
    assert await asyncio.gather(*asked) == [b"anyone?"] * 2


async def test_a_reset_ends_what_is_open_and_nothing_else(
    proxy: TcpProxy, connect: Connect
) -> None:
    talk = await connect()
    assert await talk.ask(b"hello") == b"hello"

    proxy.reset()

    with pytest.raises(ConnectionResetError):
        await talk.reader.read()
    again = await connect()
    assert await again.ask(b"hello") == b"hello"
    assert proxy.counts.resets == 1


async def test_a_weather_of_resets_lets_nobody_talk(proxy: TcpProxy, connect: Connect) -> None:
    with proxy.weather(Weather(resets=True)), pytest.raises(ConnectionResetError):
        await (await connect()).ask(b"hello")

    talk = await connect()
    assert await talk.ask(b"hello") == b"hello"


async def test_a_refusing_one_ends_what_is_open_and_lets_nobody_in(
    proxy: TcpProxy, connect: Connect
) -> None:
    talk = await connect()
    assert await talk.ask(b"hello") == b"hello"

    with proxy.weather(Weather(refuses=True)):
        with pytest.raises(ConnectionResetError):
            await talk.reader.read()
        with pytest.raises(ConnectionRefusedError):
            await connect()

    again = await connect()
    assert await again.ask(b"hello") == b"hello"


async def test_after_a_half_close_nothing_comes_back_and_all_still_goes_out(
    proxy: TcpProxy, connect: Connect
) -> None:
    talk = await connect()
    assert await talk.ask(b"hello") == b"hello"

    proxy.half_close()

    assert await talk.reader.read() == b""
    talk.writer.write(b"still here")
    async with asyncio.timeout(SOON):
        while proxy.counts.upward < len(b"hellostill here"):  # noqa: ASYNC110  # another thread
            await asyncio.sleep(0.01)


async def _ask_nobody(port: int) -> None:
    talk = Talk(*await asyncio.open_connection(LOOPBACK, port))
    try:
        await talk.ask(b"hello")
    finally:
        await talk.close()


async def test_a_client_whose_server_is_gone_is_reset() -> None:
    with open_tcp_proxy(LOOPBACK, 1) as proxy, pytest.raises(ConnectionResetError):
        await _ask_nobody(proxy.port)
