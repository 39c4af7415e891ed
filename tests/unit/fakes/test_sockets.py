"""Each endpoint fails in its own way, seen by a plain TCP client."""

import asyncio
import socket

import pytest

from tests.fakes.sockets import (
    LOOPBACK,
    open_refusing_endpoint,
    open_resetting_endpoint,
    open_unaccepting_endpoint,
    open_unanswering_endpoint,
    unused_port,
)


def test_an_unused_port_can_be_listened_on() -> None:
    port = unused_port()

    with socket.create_server((LOOPBACK, port)) as listening:
        assert listening.getsockname()[1] == port


async def test_a_refusing_endpoint_refuses() -> None:
    with open_refusing_endpoint() as endpoint:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(LOOPBACK, endpoint.port)

        assert endpoint.url == f"http://127.0.0.1:{endpoint.port}"


async def test_an_unaccepting_endpoint_never_lets_a_connection_finish() -> None:
    with open_unaccepting_endpoint() as endpoint, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await asyncio.open_connection(LOOPBACK, endpoint.port)


async def test_an_unanswering_endpoint_takes_a_request_and_stays_silent() -> None:
    with open_unanswering_endpoint() as endpoint:
        reader, writer = await asyncio.open_connection(LOOPBACK, endpoint.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await writer.drain()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.read(1)

        writer.close()
        await writer.wait_closed()


async def test_a_resetting_endpoint_resets() -> None:
    async with open_resetting_endpoint() as endpoint:
        reader, writer = await asyncio.open_connection(LOOPBACK, endpoint.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")

        with pytest.raises(ConnectionResetError):
            await reader.read(1)

        writer.close()
