"""A process that has locked itself in: what it can still do, and when it refuses to go on."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cadence.plugin_host.inside.confinement.landlock import KNOWS_PORTS, landlock_abi
from cadence.plugin_host.inside.confinement.limits import MEBIBYTE, HostLimits
from tests.fakes import lesser_kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what locks a host in is Linux's")

WITHOUT_LANDLOCK = (sys.executable, str(Path(lesser_kernel.__file__)), "landlock", "--")
PRELUDE = """
import json, socket, sys, threading
from cadence.plugin_host.commands import host_readable
from cadence.plugin_host.inside.confinement.confining import ConfinementFailed, confine
from cadence.plugin_host.inside.confinement.limits import HostLimits

def lock_in(level="lock", port=None):
    confine(level, limits=HostLimits(), readable=host_readable(), port=port)

def outcome(attempt):
    try:
        return str(attempt())
    except Exception as error:
        return type(error).__name__

def tell(*words):
    print(json.dumps(words))
"""


def run(code: str, *arguments: str, within: Sequence[str] = ()) -> list[str]:
    """Run code after the prelude, in a process of its own, and return what it tells."""
    done = subprocess.run(
        [*within, sys.executable, "-I", "-c", PRELUDE + code, *arguments],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[str] = json.loads(done.stdout)
    return told


@pytest.fixture
def ports() -> Iterator[tuple[str, str]]:
    """Two ports on which somebody listens."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        yield str(one.getsockname()[1]), str(other.getsockname()[1])


def test_what_plugins_need_still_works() -> None:
    told = run("""
lock_in()
import asyncio

def thread():
    done = []
    one = threading.Thread(target=done.append, args=(1,))
    one.start(); one.join()
    return done

async def wait():
    await asyncio.sleep(0)
    return await asyncio.to_thread(sum, [1, 2])

def imports():
    import ctypes, decimal, email.message, encodings.idna, hashlib, http.client, sqlite3, ssl, uuid
    import xml.etree.ElementTree, zoneinfo
    import pydantic
    ssl.create_default_context()
    sqlite3.connect(":memory:").execute("select 1")
    zoneinfo.ZoneInfo("Europe/Vienna")
    return ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3)()

def pair():
    one, other = socket.socketpair()
    one.send(b"x")
    return other.recv(1)

def random():
    import os, random
    return len(os.urandom(8)) + (random.SystemRandom().random() >= 0)

tell(*map(outcome, (thread, lambda: asyncio.run(wait()), imports, pair, random)))
""")

    assert told == ["[1]", "3", "3", "b'x'", "9"]


@pytest.mark.skipif(
    sys.platform == "linux" and landlock_abi() < KNOWS_PORTS, reason="Landlock knows no ports here"
)
def test_with_a_port_only_that_port_can_be_connected_to(ports: tuple[str, str]) -> None:
    told = run(
        """
import os
port, other = map(int, sys.argv[1:])
lock_in(port=port)
FAST_OPEN, MULTIPATH = 0x20000000, 262

def connect(to):
    socket.create_connection(("127.0.0.1", to), 2).close()

def fast_open():
    with socket.socket() as client:
        client.sendto(b"x", FAST_OPEN, ("127.0.0.1", other))

def fast_open_by_message():
    with socket.socket() as client:
        client.sendmsg([b"x"], [], FAST_OPEN, ("127.0.0.1", other))

def fast_open_later():
    with socket.socket() as client:
        client.setsockopt(socket.IPPROTO_TCP, 30, 1)
        client.connect(("127.0.0.1", other))
        client.send(b"x")

tell(*map(outcome, (
    lambda: connect(port),
    lambda: connect(other),
    fast_open,
    fast_open_by_message,
    fast_open_later,
    lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, MULTIPATH),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    lambda: socket.socket(socket.AF_INET6),
    lambda: socket.socket(socket.AF_UNIX),
    lambda: socket.socket().listen(),
    lambda: socket.socket().bind(("127.0.0.1", 0)),
)))
""",
        *ports,
    )

    refused = "PermissionError"
    assert told == ["None", *[refused] * 4, *["OSError"] * 4, refused, refused]


@pytest.mark.parametrize(
    ("code", "within", "step"),
    [
        pytest.param("lock_in()", WITHOUT_LANDLOCK, "Landlock", id="no Landlock"),
        pytest.param("lock_in('jail')", (), "level", id="no such level"),
        pytest.param(
            "threading.Thread(target=threading.Event().wait, daemon=True).start(); lock_in()",
            (),
            "one thread",
            id="a second thread",
        ),
        pytest.param("lock_in(); lock_in()", (), "limits", id="twice"),
    ],
)
def test_a_process_that_cannot_be_locked_in_says_which_step_failed(
    code: str, *, within: Sequence[str], step: str
) -> None:
    told = run(
        f"""
try:
    {code}
except ConfinementFailed as failure:
    tell(failure.step, str(failure))
""",
        within=within,
    )

    assert told[0] == step
    assert step in told[1]


def test_limits_survive_the_way_to_the_zygote() -> None:
    limits = HostLimits(memory_bytes=64 * MEBIBYTE, open_files=32)

    assert HostLimits.from_dict(json.loads(json.dumps(limits.to_dict()))) == limits


def test_unknown_limits_are_refused() -> None:
    with pytest.raises(TypeError):
        HostLimits.from_dict({"wishes": 3})
