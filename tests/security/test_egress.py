"""The door to the outside opens to checked addresses only, under both HTTP libraries (T12)."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from cadence.infra.egress import over_httpx, over_httpx2
from cadence.infra.egress.addresses import parse_networks
from cadence.infra.egress.clients import open_egress
from cadence.infra.egress.guard import Guard
from cadence.infra.egress.limits import EgressLimits
from cadence.infra.egress.pacing import ReadPace
from cadence.infra.egress.rules import EgressBlocked, EgressRules, Scheme
from tests.fakes.certificates import build_tls
from tests.fakes.far_end import FarEnd, http_answer, open_far_end
from tests.fakes.names import Names
from tests.fixtures.addresses import INTERNAL_ADDRESSES

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="two loopback addresses are needed, which only Linux has"
)
LISTED, FORBIDDEN = "127.0.0.2", "127.0.0.1"
BOTH = pytest.mark.parametrize("library", ["httpx", "httpx2"])
REFUSALS = (
    EgressBlocked,
    httpx.InvalidURL,
    httpx2.InvalidURL,
    httpx.ConnectError,
    httpx2.ConnectError,
    httpx.UnsupportedProtocol,
    httpx2.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx2.LocalProtocolError,
)


def rules(*networks: str, port: int = 443) -> EgressRules:
    """List these networks; https may use this port, so that no test passes for the port's sake."""
    return EgressRules(
        allow_networks=parse_networks(",".join(networks)), https_ports=frozenset({443, port})
    )


@asynccontextmanager
async def opened(
    library: str, egress_rules: EgressRules, names: Names | None = None, **more: Any
) -> AsyncIterator[Any]:
    """Open the door and give the client of one library."""
    resolver = (names or Names()).resolve
    async with open_egress(egress_rules, resolver=resolver, **more) as egress:
        yield getattr(egress, library)


@pytest.fixture
async def forbidden() -> AsyncIterator[FarEnd]:
    """A server inside that nobody may reach."""
    async with open_far_end(FORBIDDEN) as far:
        yield far
        assert far.connections == 0


@pytest.fixture
async def listed() -> AsyncIterator[FarEnd]:
    """A server inside that the operator listed."""
    async with open_far_end(LISTED) as far:
        yield far


@BOTH
@pytest.mark.parametrize("address", INTERNAL_ADDRESSES)
async def test_a_name_that_leads_inside_is_refused(library: str, address: str) -> None:
    names = Names(inside=[[address]])

    async with opened(library, rules(), names) as client:
        with pytest.raises(EgressBlocked, match="not public"):
            await client.get("https://inside.example/")


@BOTH
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0X7F.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",  # noqa: S104  # an address to refuse
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[::1%25lo]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "any.localhost",
        "api.openai.com@127.0.0.1",
        "user:password@127.0.0.1",
        "127.0.0.1%00.example.com",
        "%31%32%37.0.0.1",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "127.0.0.1.",
        "a" * 70 + ".example",
        ".",
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_no_spelling_of_a_url_reaches_inside(
    *, library: str, host: str, scheme: str, forbidden: FarEnd
) -> None:
    async with opened(library, rules(LISTED, port=forbidden.port)) as client:
        with pytest.raises(REFUSALS):
            await client.get(f"{scheme}://{host}:{forbidden.port}/")


@BOTH
@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.2:{port}/",
        "wss://127.0.0.2:{port}/",
        "ftp://127.0.0.2:{port}/",
        "gopher://127.0.0.2:{port}/",
        "file:///etc/passwd",
        "unix:///var/run/docker.sock",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
        "//127.0.0.2:{port}/",
        "https:///127.0.0.2:{port}/",
    ],
)
async def test_no_other_scheme_passes_even_to_a_listed_server(
    library: str, url: str, listed: FarEnd
) -> None:
    async with opened(library, rules(LISTED)) as client:
        with pytest.raises(REFUSALS):
            await client.get(url.format(port=listed.port))

    assert listed.connections == 0


@pytest.mark.parametrize(
    "backend", [over_httpx.GuardedBackend, over_httpx2.GuardedBackend], ids=["httpx", "httpx2"]
)
async def test_a_unix_socket_is_never_connected(
    backend: type[over_httpx.GuardedBackend | over_httpx2.GuardedBackend], tmp_path: Path
) -> None:
    far = FarEnd(http_answer())
    async with await asyncio.start_unix_server(far.serve, tmp_path / "socket"):
        guard = Guard(rules("0.0.0.0/0", "::/0"), resolver=Names().resolve)
        with pytest.raises(EgressBlocked):
            await backend(guard, Scheme.HTTP, ReadPace()).connect_unix_socket(
                str(tmp_path / "socket")
            )

    assert far.connections == 0


@BOTH
@pytest.mark.parametrize(
    "url",
    [
        "http://public.example/",
        "http://public.example:443/",
        "http://8.8.8.8/",
        "http://8.8.8.8:8443/",
    ],
)
async def test_plain_http_to_a_public_host_is_refused(library: str, url: str) -> None:
    async with opened(library, rules(), Names(public=[["8.8.8.8"]])) as client:
        with pytest.raises(EgressBlocked, match="Only https"):
            await client.get(url)


@BOTH
async def test_another_port_of_a_public_host_is_refused(library: str) -> None:
    async with opened(library, rules(), Names(public=[["8.8.8.8"]])) as client:
        with pytest.raises(EgressBlocked, match="port"):
            await client.get("https://public.example:6379/")


@BOTH
@pytest.mark.parametrize(
    "answer", [["8.8.8.8", FORBIDDEN], [FORBIDDEN, "8.8.8.8"], ["2606:4700::1", "::1"]]
)
async def test_one_inner_address_among_public_ones_is_enough_to_refuse(
    library: str, answer: list[str], forbidden: FarEnd
) -> None:
    names = Names(mixed=[answer])

    async with opened(library, rules(port=forbidden.port), names) as client:
        with pytest.raises(EgressBlocked, match="not public"):
            await client.get(f"https://mixed.example:{forbidden.port}/")


@BOTH
async def test_of_a_listed_host_only_the_listed_addresses_are_used(
    library: str, forbidden: FarEnd
) -> None:
    names = Names(own=[[FORBIDDEN, LISTED]])

    async with opened(library, rules(LISTED), names) as client:
        with pytest.raises((httpx.ConnectError, httpx2.ConnectError)):  # nobody listens there
            await client.get(f"http://own.example:{forbidden.port}/")


@BOTH
async def test_a_name_that_changes_its_mind_after_the_check_gains_nothing(
    library: str, listed: FarEnd
) -> None:
    names = Names(rebinding=[[LISTED], [FORBIDDEN]])

    async with opened(library, rules(LISTED), names) as client:
        answer = await client.get(f"http://rebinding.example:{listed.port}/")

    assert answer.status_code == 200
    assert names.asked == ["rebinding.example"]
    assert listed.requests[0].headers["host"] == f"rebinding.example:{listed.port}"


@BOTH
async def test_a_name_is_checked_again_for_every_new_connection(
    library: str, forbidden: FarEnd
) -> None:
    names = Names(rebinding=[[LISTED], [FORBIDDEN]])
    leaving = http_answer(connection="close")

    async with (
        open_far_end(LISTED, answer=leaving) as far,
        opened(library, rules(LISTED), names) as client,
    ):
        await client.get(f"http://rebinding.example:{far.port}/")
        with pytest.raises(EgressBlocked):
            await client.get(f"http://rebinding.example:{forbidden.port}/")


@BOTH
async def test_a_redirect_is_not_followed(library: str, forbidden: FarEnd) -> None:
    inside = http_answer(status="302 Found", location=f"http://{FORBIDDEN}:{forbidden.port}/")

    async with open_far_end(LISTED, answer=inside) as far, opened(library, rules(LISTED)) as client:
        answer = await client.get(f"http://{LISTED}:{far.port}/")

    assert answer.status_code == 302


@BOTH
async def test_a_redirect_that_a_caller_follows_is_checked_like_any_call(
    library: str, forbidden: FarEnd
) -> None:
    inside = http_answer(status="302 Found", location=f"http://{FORBIDDEN}:{forbidden.port}/")

    async with open_far_end(LISTED, answer=inside) as far, opened(library, rules(LISTED)) as client:
        with pytest.raises(EgressBlocked):
            await client.get(f"http://{LISTED}:{far.port}/", follow_redirects=True)


@BOTH
async def test_proxies_of_the_environment_are_ignored(
    *, library: str, forbidden: FarEnd, listed: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{FORBIDDEN}:{forbidden.port}")

    async with opened(library, rules(LISTED)) as client:
        answer = await client.get(f"http://{LISTED}:{listed.port}/")

    assert answer.json() == "ok"
    assert client.trust_env is False


@BOTH
async def test_a_name_that_does_not_resolve_is_a_connection_error(library: str) -> None:
    async with opened(library, rules()) as client:
        with pytest.raises((httpx.ConnectError, httpx2.ConnectError)) as failure:
            await client.get("https://unknown.example/")

    assert not isinstance(failure.value, EgressBlocked)


@BOTH
async def test_the_next_address_has_its_turn_when_one_refuses(library: str, listed: FarEnd) -> None:
    names = Names(own=[["127.0.0.3", "::1", LISTED]])

    async with opened(library, rules("127.0.0.2/31", "::1"), names) as client:
        answer = await client.get(f"http://own.example:{listed.port}/")

    assert answer.json() == "ok"


@BOTH
async def test_tls_checks_the_name_although_the_address_was_chosen(
    library: str, tmp_path: Path
) -> None:
    server, client_context = build_tls(tmp_path, "models.example")
    names = Names(models=[[LISTED]], other=[[LISTED]])

    async with (
        open_far_end(LISTED, tls=server) as far,
        opened(library, rules(LISTED), names, ssl_context=client_context) as client,
    ):
        answer = await client.get(f"https://models.example:{far.port}/")
        with pytest.raises((httpx.ConnectError, httpx2.ConnectError), match="certificate"):
            await client.get(f"https://other.example:{far.port}/")

    assert answer.json() == "ok"
    assert len(far.requests) == 1


@BOTH
async def test_an_unknown_authority_is_refused(library: str, tmp_path: Path) -> None:
    server, _ = build_tls(tmp_path, "models.example")

    async with (
        open_far_end(LISTED, tls=server) as far,
        opened(library, rules(LISTED), Names(models=[[LISTED]])) as client,
    ):
        with pytest.raises((httpx.ConnectError, httpx2.ConnectError), match="certificate"):
            await client.get(f"https://models.example:{far.port}/")


@BOTH
async def test_the_clients_keep_no_cookies(library: str) -> None:
    async with (
        open_far_end(LISTED, answer=http_answer(set_cookie="tenant=a; Path=/")) as far,
        opened(library, rules(LISTED)) as client,
    ):
        await client.get(f"http://{LISTED}:{far.port}/")
        await client.get(f"http://{LISTED}:{far.port}/")

    assert [request.headers.get("cookie") for request in far.requests] == [None, None]


@BOTH
async def test_a_borrower_cannot_close_the_shared_client(library: str, listed: FarEnd) -> None:
    async with opened(library, rules(LISTED)) as client:
        await client.aclose()
        answer = await client.get(f"http://{LISTED}:{listed.port}/")

    assert answer.json() == "ok"


@BOTH
async def test_leaving_closes_every_connection(library: str, listed: FarEnd) -> None:
    async with opened(library, rules(LISTED)) as client:
        await client.get(f"http://{LISTED}:{listed.port}/")

    await listed.everyone_left()
    assert listed.connections == 1


@BOTH
async def test_every_wait_has_a_limit(library: str) -> None:
    limits = EgressLimits(connect=1, read=2, write=3, pool=4)

    async with opened(library, rules(), limits=limits) as client:
        timeout = client.timeout.as_dict()

    assert timeout == {"connect": 1, "read": 2, "write": 3, "pool": 4}


@BOTH
async def test_a_silent_server_is_given_up(library: str) -> None:
    limits = EgressLimits(read=0.05)

    async with (
        open_far_end(LISTED, answer=b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf") as far,
        opened(library, rules(LISTED), limits=limits) as client,
    ):
        with pytest.raises((httpx.ReadTimeout, httpx2.ReadTimeout)):
            await client.get(f"http://{LISTED}:{far.port}/")


@BOTH
async def test_a_server_that_talks_nonsense_is_a_protocol_error(library: str) -> None:
    async with (
        open_far_end(LISTED, answer=b"\x00\x01 nonsense\r\n\r\n") as far,
        opened(library, rules(LISTED)) as client,
    ):
        with pytest.raises((httpx.RemoteProtocolError, httpx2.RemoteProtocolError)):
            await client.get(f"http://{LISTED}:{far.port}/")


@BOTH
async def test_a_client_of_ones_own_passes_the_same_guard(
    library: str, forbidden: FarEnd, listed: FarEnd
) -> None:
    async with open_egress(rules(LISTED), resolver=Names().resolve) as egress:
        transport = getattr(egress, f"build_{library}_transport")()
        module = {"httpx": httpx, "httpx2": httpx2}[library]
        own: AbstractAsyncContextManager[Any] = module.AsyncClient(
            transport=transport, trust_env=False
        )
        async with own as client:
            answer = await client.get(f"http://{LISTED}:{listed.port}/")
            with pytest.raises(EgressBlocked):
                await client.get(f"http://{FORBIDDEN}:{forbidden.port}/")

    assert answer.json() == "ok"


@BOTH
async def test_blocking_clients_refuse_everything(library: str, listed: FarEnd) -> None:
    async with open_egress(rules(LISTED)) as egress:
        with pytest.raises(EgressBlocked):
            getattr(egress, f"blocking_{library}").get(f"http://{LISTED}:{listed.port}/")

    assert listed.connections == 0


@BOTH
async def test_the_systems_resolver_is_asked_by_default(library: str) -> None:
    async with open_far_end() as far, open_egress(rules("127.0.0.0/8")) as egress:
        answer = await getattr(egress, library).get(f"http://localhost:{far.port}/")

    assert answer.json() == "ok"
