"""A plugin's way out leads to approved hosts at checked addresses, and nowhere else (§3.5, T12)."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import structlog
from structlog.testing import capture_logs
from typing_extensions import override

from cadence.plugin_host.egress.limits import ProxyLimits
from cadence.plugin_host.egress.outcomes import Outcome
from tests.fakes.certificates import build_tls
from tests.fakes.far_end import http_answer, open_far_end
from tests.fakes.names import Names
from tests.fixtures.addresses import INTERNAL_ADDRESSES
from tests.fixtures.egress_proxy import (
    APPROVED,
    FORBIDDEN,
    LISTED,
    OTHER,
    credentials,
    open_outside,
    open_sink,
    talk,
)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="two loopback addresses are needed, which only Linux has"
)
HELLO = b"\x16\x03\x01 a handshake"


async def test_an_approved_host_answers_through_tls(tmp_path: Path) -> None:
    server, client_context = build_tls(tmp_path, APPROVED)
    async with (
        open_far_end(LISTED, tls=server) as far,
        open_outside() as outside,
        outside.proxy() as proxy,
    ):
        way = proxy.environment["https_proxy"]
        async with httpx.AsyncClient(proxy=way, verify=client_context, trust_env=False) as client:
            answer = await client.get(f"https://{APPROVED}:{far.port}/now")
        ends = await outside.told()

    assert answer.json() == "ok"
    assert ends == [Outcome.CARRIED]
    assert {name for name in far.requests[0].headers if name.startswith("proxy")} == set()


async def test_a_listed_network_may_be_called_without_tls() -> None:
    async with (
        open_far_end(LISTED, answer=http_answer(connection="close")) as far,
        open_outside() as outside,
        outside.proxy() as proxy,
    ):
        way = proxy.environment["http_proxy"]
        async with httpx.AsyncClient(proxy=way, trust_env=False) as client:
            answer = await client.post(f"http://{APPROVED}:{far.port}/now?city=Oslo", json=["a"])
        ends = await outside.told()

    assert answer.json() == "ok"
    assert ends == [Outcome.CARRIED]
    assert far.requests[0].line == "POST /now?city=Oslo HTTP/1.1"
    assert far.requests[0].headers["host"] == f"{APPROVED}:{far.port}"
    assert "proxy-authorization" not in far.requests[0].headers


@pytest.mark.parametrize(
    "target",
    [
        f"{OTHER}:443",
        f"{LISTED}:443",
        f"{APPROVED}.evil.example:443",
        f"evil.{APPROVED}:443",
        "localhost:443",
        "169.254.169.254:443",
        "2130706433:443",
        "0x7f.1:443",
    ],
)
async def test_a_host_that_nobody_approved_is_refused(target: str) -> None:
    async with open_outside() as outside, outside.proxy() as proxy, talk(proxy) as plugin:
        status = await plugin.tunnel(proxy, target)
        ends = await outside.told()

    assert status.startswith("HTTP/1.1 403 The organization has not approved this host")
    assert ends == [Outcome.NOT_APPROVED]


@pytest.mark.parametrize("name", [APPROVED, APPROVED.upper(), f"{APPROVED}."])
async def test_a_name_counts_however_it_is_spelled(name: str) -> None:
    async with (
        open_sink() as port,
        open_outside() as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        assert await plugin.tunnel(proxy, f"{name}:{port}") == "HTTP/1.1 200 Connection established"


@pytest.mark.parametrize("address", INTERNAL_ADDRESSES)
async def test_an_approved_name_that_leads_inside_is_refused(address: str) -> None:
    names = Names(api=[[address]])
    async with (
        open_outside(names=names) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        status = await plugin.tunnel(proxy, f"{APPROVED}:443")

    assert status.startswith("HTTP/1.1 403 The address, port or scheme")


@pytest.mark.parametrize("answer", [["8.8.8.8", FORBIDDEN], ["2606:4700::1", "::1"]])
async def test_one_inner_address_among_public_ones_is_enough(answer: list[str]) -> None:
    async with (
        open_outside(names=Names(api=[answer])) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        status = await plugin.tunnel(proxy, f"{APPROVED}:443")

    assert status.startswith("HTTP/1.1 403 The address")


@pytest.mark.parametrize("port", [22, 25, 80, 6379, 8080])
async def test_a_public_host_is_called_on_https_ports_alone(port: int) -> None:
    async with (
        open_outside(names=Names(api=[["8.8.8.8"]])) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        status = await plugin.tunnel(proxy, f"{APPROVED}:{port}")

    assert status.startswith("HTTP/1.1 403 The address, port or scheme")


async def test_a_public_host_is_not_called_without_tls() -> None:
    async with (
        open_outside(names=Names(api=[["8.8.8.8"]])) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        status = await plugin.say(f"GET http://{APPROVED}/ HTTP/1.1", credentials(proxy))

    assert status.startswith("HTTP/1.1 403 The address, port or scheme")


async def test_a_name_is_looked_up_once_and_what_was_checked_is_connected() -> None:
    names = Names(api=[[LISTED], [FORBIDDEN]])
    async with (
        open_sink() as port,
        open_outside(names=names) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        status = await plugin.tunnel(proxy, f"{APPROVED}:{port}")

    assert status.startswith("HTTP/1.1 200")
    assert names.asked == [APPROVED]


@pytest.mark.parametrize(
    "field",
    [
        "X-Nothing: said",
        "Proxy-Authorization: Basic cGx1Z2luOndyb25n",
        "Proxy-Authorization: Basic cGx1Z2luOg==",
        "Proxy-Authorization: Basic *",
        "Proxy-Authorization: Basic /w==",
        "Proxy-Authorization: Bearer x",
        "Proxy-Authorization:",
    ],
)
async def test_a_stranger_without_the_password_is_refused(field: str) -> None:
    async with open_outside() as outside, outside.proxy() as proxy, talk(proxy) as stranger:
        status = await stranger.say(f"CONNECT {APPROVED}:443 HTTP/1.1", field)
        challenge = await stranger.rest()

    assert status.startswith("HTTP/1.1 407 ")
    assert b'Proxy-Authenticate: Basic realm="cadence"' in challenge


async def test_one_hosts_password_opens_no_other_proxy() -> None:
    async with (
        open_outside() as outside,
        outside.proxy() as ours,
        outside.proxy(organization="rival") as theirs,
        talk(theirs) as plugin,
    ):
        status = await plugin.tunnel(ours, f"{APPROVED}:443")

    assert status.startswith("HTTP/1.1 407 ")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "CONNECT",
        "CONNECT api.example.com HTTP/1.1",
        "CONNECT api.example.com:0 HTTP/1.1",
        "CONNECT api.example.com:99999 HTTP/1.1",
        "CONNECT api.example.com:443 HTTP/2",
        "CONNECT [::1]:443 HTTP/1.1",
        "CONNECT user@api.example.com:443 HTTP/1.1",
        "CONNECT api.example.com:443/path HTTP/1.1",
        "CONNECT \u00e4pi.example.com:443 HTTP/1.1",
        "connect api.example.com:443 HTTP/1.1",
        "GET / HTTP/1.1",
        "GET https://api.example.com/ HTTP/1.1",
        "GET ftp://api.example.com/ HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "GET http:///etc/passwd HTTP/1.1",
        "GET http://user@api.example.com/ HTTP/1.1",
        "GET http://api.example.com:port/ HTTP/1.1",
        "GET http://api.example.com:0/ HTTP/1.1",
        "GET http://api.example.com/ HTTP/1.1 more",
    ],
)
async def test_what_is_no_request_to_a_proxy_is_refused(line: str) -> None:
    async with open_outside() as outside, outside.proxy() as proxy, talk(proxy) as plugin:
        status = await plugin.say(line, credentials(proxy))

    assert status == "HTTP/1.1 400 This is no request to a proxy."


@pytest.mark.parametrize(
    "field",
    [
        "no colon",
        " folded: line",
        "name : value",
        "a\rb: c",
        ": x",
        "a: b\rc",
        "a: b\nc: d",
        "a: \x00",
    ],
)
async def test_a_field_that_two_readers_may_read_differently_is_refused(field: str) -> None:
    async with open_outside() as outside, outside.proxy() as proxy, talk(proxy) as plugin:
        status = await plugin.say(f"GET http://{APPROVED}/ HTTP/1.1", credentials(proxy), field)

    assert status.startswith("HTTP/1.1 400 ")


async def test_a_header_without_an_end_is_refused() -> None:
    async with open_outside() as outside, outside.proxy() as proxy, talk(proxy) as plugin:
        plugin.writer.write(b"CONNECT " + b"a" * 70_000)
        status = await plugin.hear()

    assert status == "HTTP/1.1 413 The header is too long."


async def test_a_host_that_cannot_be_reached_is_told_as_such() -> None:
    async with open_sink() as port:
        pass
    async with open_outside() as outside, outside.proxy() as proxy, talk(proxy) as plugin:
        status = await plugin.tunnel(proxy, f"{APPROVED}:{port}")

    assert status == "HTTP/1.1 502 The host cannot be reached."


async def test_a_name_that_takes_too_long_is_told_as_such() -> None:
    class Slow(Names):
        @override
        async def resolve(self, host: str, port: int) -> list[str]:
            await asyncio.sleep(60)
            return []

    limits = ProxyLimits(connect=0.05, pause=0.01)
    async with (
        open_outside(names=Slow(), limits=limits) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        status = await plugin.tunnel(proxy, f"{APPROVED}:443")

    assert status == "HTTP/1.1 504 The host does not answer in time."


async def test_a_tunnel_carries_nothing_but_tls() -> None:
    async with (
        open_far_end(LISTED) as store,
        open_outside() as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        await plugin.tunnel(proxy, f"{APPROVED}:{store.port}")
        plugin.writer.write(b"CONFIG SET dir /tmp\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await plugin.rest()
        ends = await outside.told()

    assert ends == [Outcome.NOT_TLS]
    assert store.requests == []


async def test_a_silent_tunnel_is_ended() -> None:
    limits = ProxyLimits(idle=0.1)
    async with (
        open_sink() as port,
        open_outside(limits=limits) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        await plugin.tunnel(proxy, f"{APPROVED}:{port}")
        ends = await outside.told()

    assert ends == [Outcome.IDLE]


async def test_an_answer_may_only_be_so_large() -> None:
    limits = ProxyLimits(answer_bytes=100_000)
    async with (
        open_sink(b"x" * 150_000) as port,
        open_outside(limits=limits) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        await plugin.tunnel(proxy, f"{APPROVED}:{port}")
        plugin.writer.write(HELLO)
        with pytest.raises(ConnectionResetError):
            await plugin.rest()
        ends = await outside.told()

    assert ends == [Outcome.ANSWER_TOO_LARGE]


async def test_each_answer_of_a_connection_counts_for_itself() -> None:
    limits = ProxyLimits(answer_bytes=100_000)
    async with (
        open_sink(b"x" * 80_000) as port,
        open_outside(limits=limits) as outside,
        outside.proxy() as proxy,
        talk(proxy) as plugin,
    ):
        await plugin.tunnel(proxy, f"{APPROVED}:{port}")
        for _ in range(3):
            plugin.writer.write(HELLO)
            await plugin.reader.readexactly(80_000)


async def test_a_connection_more_than_allowed_is_refused_until_one_ends() -> None:
    limits = ProxyLimits(connections=2, pause=0.01)
    async with (
        open_sink() as port,
        open_outside(limits=limits) as outside,
        outside.proxy() as proxy,
        talk(proxy) as second,
    ):
        async with talk(proxy) as first:
            await first.tunnel(proxy, f"{APPROVED}:{port}")
            await second.tunnel(proxy, f"{APPROVED}:{port}")
            async with talk(proxy) as third:
                assert (await third.hear()).startswith("HTTP/1.1 429 The plugin has too many")
        await outside.told(2)
        async with talk(proxy) as fourth:
            assert (await fourth.tunnel(proxy, f"{APPROVED}:{port}")).startswith("HTTP/1.1 200")


async def test_an_organizations_day_has_an_end_and_the_next_begins_anew() -> None:
    async with (
        open_sink(b"x" * 600) as port,
        open_outside(a_day=1000) as outside,
        outside.proxy() as proxy,
        outside.proxy(organization="rival") as theirs,
    ):
        target = f"{APPROVED}:{port}"
        async with talk(proxy) as plugin:
            await plugin.tunnel(proxy, target)
            plugin.writer.write(HELLO)
            await plugin.reader.readexactly(600)
            plugin.writer.write(HELLO)
            with pytest.raises(ConnectionResetError):
                await plugin.rest()
        async with talk(proxy) as plugin:
            spent = await plugin.tunnel(proxy, target)
        async with talk(theirs) as plugin:
            others = await plugin.tunnel(theirs, target)
        outside.clock.move(timedelta(days=1))
        async with talk(proxy) as plugin:
            tomorrow = await plugin.tunnel(proxy, target)

    assert spent.startswith("HTTP/1.1 429 The organization's plugins have carried all")
    assert others.startswith("HTTP/1.1 200")
    assert tomorrow.startswith("HTTP/1.1 200")
    assert outside.outcomes[0] is Outcome.DAY_SPENT


async def test_a_closed_proxy_hangs_up_and_listens_no_more() -> None:
    async with open_sink() as port, open_outside() as outside:
        async with outside.proxy() as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(
                f"CONNECT {APPROVED}:{port} HTTP/1.1\r\n{credentials(proxy)}\r\n\r\n".encode()
            )
            await reader.readline()
            listened = proxy.port
        assert (await reader.read()).strip() == b""
        writer.transport.abort()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", listened)


async def test_every_request_is_logged_without_a_secret() -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        async with (
            open_sink(b"x" * 10) as port,
            open_outside() as outside,
            outside.proxy() as proxy,
        ):
            async with talk(proxy) as plugin:
                await plugin.tunnel(proxy, f"{APPROVED}:{port}")
                plugin.writer.write(HELLO)
                await plugin.reader.readexactly(10)
            await outside.told(1)
            async with talk(proxy) as plugin:
                await plugin.tunnel(proxy, f"{OTHER}:443")
            await outside.told(2)
            password = proxy.environment["https_proxy"].split(":")[2].split("@")[0]

    owner = {"event": "plugin_egress", "log_level": "info", "organization": "acme"}
    owner["plugin"] = "com.acme.weather"
    assert lines == [
        {
            **owner,
            "outcome": "carried",
            "host": APPROVED,
            "port": port,
            "sent": len(HELLO),
            "received": 10,
        },
        {**owner, "outcome": "not_approved", "host": OTHER, "port": 443, "sent": 0, "received": 0},
    ]
    assert password not in str(lines)
