"""From inside a locked host, the one way out is its proxy (SECURITY.md §3.5)."""

import asyncio
import json
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cadence.plugin_host.egress.outcomes import Outcome
from cadence.plugin_host.inside.confinement.landlock import KNOWS_PORTS, landlock_abi
from tests.fakes.certificates import build_tls
from tests.fakes.far_end import FarEnd, open_far_end
from tests.fixtures.egress_proxy import APPROVED, LISTED, OTHER, Outside, open_outside

GUEST = Path(__file__).with_name("network_guest.py")
SANDBOX = ("bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev")
PROGRAMS = {"namespaces": (*SANDBOX, "--"), "lock": ()}
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what locks a host in is Linux's"),
    pytest.mark.skipif(
        sys.platform == "linux" and landlock_abi() < KNOWS_PORTS,
        reason="this kernel cannot lock a host in to one port",
    ),
]
BOTH = pytest.mark.parametrize("level", ["namespaces", "lock"])


@dataclass(frozen=True, slots=True)
class Scene:
    """A server outside, which a certificate names, and the way there."""

    outside: Outside
    far: FarEnd
    certificate: Path

    @property
    def url(self) -> str:
        return f"https://{APPROVED}:{self.far.port}/"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    server, _ = build_tls(tmp_path, APPROVED)
    certificate = tmp_path / "certificate.pem"
    async with (
        open_far_end(LISTED, tls=server) as far,
        open_outside(certificates=certificate) as outside,
    ):
        yield Scene(outside, far, certificate)


@asynccontextmanager
async def _guest(level: str) -> AsyncIterator[socket.socket]:
    if PROGRAMS[level] and shutil.which(PROGRAMS[level][0]) is None:
        pytest.skip("bubblewrap is not installed")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    descriptor = theirs.fileno()
    process = await asyncio.create_subprocess_exec(
        *(*PROGRAMS[level], sys.executable, "-I", str(GUEST), str(descriptor), level),
        env={},
        pass_fds=[descriptor],
    )
    theirs.close()
    try:
        with ours:
            yield ours
        async with asyncio.timeout(30):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def try_out(scene: Scene, level: str, attempts: list[tuple[str, str]]) -> list[str]:
    """Have a locked guest try these ways and return what came of each."""
    async with _guest(level) as control:
        listener = await asyncio.to_thread(_listener, control) if level == "namespaces" else None
        proxy = scene.outside.proxies.open(
            organization="acme", pid="com.acme.weather", hosts=[APPROVED], listener=listener
        )
        try:
            said = {"environment": proxy.environment, "port": proxy.port, "attempts": attempts}
            said["readable"] = [str(path) for path in proxy.readable]
            control.send(json.dumps(said).encode())
            answer = await asyncio.to_thread(control.recv, 65_536)
        finally:
            await proxy.close()
    found: list[str] = json.loads(answer)
    return found


def _listener(control: socket.socket) -> socket.socket:
    said, descriptors, _, _ = socket.recv_fds(control, 1000, 1)
    listener = socket.socket(fileno=descriptors[0])
    assert json.loads(said) == {"port": listener.getsockname()[1]}
    return listener


@BOTH
async def test_an_approved_host_is_reached_by_every_library(scene: Scene, level: str) -> None:
    ways = ["by_urllib", "by_httpx", "by_async_httpx"]

    found = await try_out(scene, level, [(way, scene.url) for way in ways])

    assert found == ["ok", "ok", "ok"]
    # A library that hangs up before the other side does may break the connection off.
    assert len(scene.outside.outcomes) == 3
    assert set(scene.outside.outcomes) <= {Outcome.CARRIED, Outcome.BROKEN}


@BOTH
async def test_an_author_reads_why_a_host_is_refused(scene: Scene, level: str) -> None:
    ways = ["by_urllib", "by_httpx", "by_async_httpx"]

    found = await try_out(scene, level, [(way, f"https://{OTHER}/") for way in ways])

    told = "403 The organization has not approved this host for this plugin."
    assert [told in said for said in found] == [True] * 3, found
    assert scene.outside.outcomes == [Outcome.NOT_APPROVED] * 3


@BOTH
async def test_there_is_no_other_way_out(scene: Scene, level: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        attempts = [
            ("straight", f"127.0.0.1:{ours.getsockname()[1]}"),
            ("straight", f"{LISTED}:{scene.far.port}"),
            ("straight", "169.254.169.254:80"),
            ("straight", "1.1.1.1:443"),
            ("by_name", "example.com"),
            ("of_family", "AF_INET SOCK_DGRAM"),
            ("of_family", "AF_INET SOCK_RAW"),
            ("of_family", "AF_INET6 SOCK_STREAM"),
            ("of_family", "AF_UNIX SOCK_STREAM"),
            ("of_family", "AF_NETLINK SOCK_RAW"),
            ("listening", "127.0.0.1:0"),
        ]
        found = await try_out(scene, level, attempts)

    told = dict(zip(attempts, found, strict=True))
    assert {each: said for each, said in told.items() if not said.startswith("failed: ")} == {}
    assert scene.far.connections == 0
    assert scene.outside.outcomes == []
