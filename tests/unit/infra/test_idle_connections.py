"""Outbound connections that nobody uses are closed without another request."""

import asyncio
from ipaddress import ip_network

import pytest

from cadence.infra.egress.clients import open_egress
from cadence.infra.egress.limits import EgressLimits
from cadence.infra.egress.rules import EgressRules

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SOON = 10.0


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
async def test_an_idle_connection_is_closed_in_the_end(library: str) -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await reader.read()
        left.set()
        writer.close()

    loopback = EgressRules(allow_networks=(ip_network("127.0.0.0/8"),))
    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        open_egress(loopback, limits=EgressLimits(idle_seconds=0.1)) as egress,
        asyncio.timeout(SOON),
    ):
        port = server.sockets[0].getsockname()[1]
        answer = await getattr(egress, library).get(f"http://127.0.0.1:{port}/")
        assert answer.text == "ok"
        await left.wait()
