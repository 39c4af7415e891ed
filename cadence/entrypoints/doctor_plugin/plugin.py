"""The plugin with which `cadence doctor` attacks from inside a host, to see that nothing is got.

It is loaded as any uploaded plugin is, so it imports the SDK and the standard library. None of it
does harm where it succeeds: what it reaches for is made for it, or only touched.
"""

import ctypes
import errno
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, UvTool, uvtool
from typing_extensions import override

Around = Mapping[str, Any]
_GIBIBYTE = 1024**3
_NEW_NETWORK = 0x4000_0000
_PATIENCE = 1.0


def _read_files(around: Around) -> None:
    Path(around["secret"]).read_bytes()


def _read_others_code(around: Around) -> None:
    Path(around["others_code"]).read_bytes()


def _read_environment(around: Around) -> None:
    Path(f"/proc/{around['service']}/environ").read_bytes()


def _read_memory(around: Around) -> None:
    Path(f"/proc/{around['service']}/mem").open("rb").close()


def _write_files(around: Around) -> None:
    path = Path(around["folder"]) / "written"
    path.write_bytes(b"")
    path.unlink()


def _write_own_code(_: Around) -> None:
    path = Path(__file__).with_name("written.txt")
    path.write_bytes(b"")
    path.unlink()


def _connect(around: Around) -> None:
    socket.create_connection(("127.0.0.1", around["port"]), _PATIENCE).close()


def _connect_locally(around: Around) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(around["path"])


def _start_programs(_: Around) -> None:
    subprocess.run(["/bin/true"], check=True)


def _fork(_: Around) -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _signal(around: Around) -> None:
    os.kill(around["service"], 0)


def _leave_namespaces(_: Around) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    refusals: list[int] = []

    def leave() -> None:
        # In a thread of its own, which alone would have left.
        if libc.unshare(_NEW_NETWORK) != 0:
            refusals.append(ctypes.get_errno())

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    if refusals:
        raise OSError(refusals[0], os.strerror(refusals[0]))


def _take_memory(_: Around) -> None:
    bytearray(_GIBIBYTE)


def _start_threads(_: Around) -> None:
    over = threading.Event()
    try:
        for _number in range(300):
            threading.Thread(target=over.wait, daemon=True).start()
    finally:
        over.set()


ATTACKS: Mapping[str, Callable[[Around], None]] = {
    "read the service's files": _read_files,
    "read another organization's plugin": _read_others_code,
    "read the service's environment": _read_environment,
    "read the service's memory": _read_memory,
    "write files": _write_files,
    "change its own code": _write_own_code,
    "connect to a store": _connect,
    "connect to a local socket": _connect_locally,
    "start programs": _start_programs,
    "fork": _fork,
    "signal the service": _signal,
    "leave its namespaces": _leave_namespaces,
    "take a gibibyte of memory": _take_memory,
    "start 300 threads": _start_threads,
}


class Attacker(BaseSpecializedAgent):
    """Tries one attack at a time and says how it was refused."""

    @override
    def get_tools(self) -> list[UvTool]:
        """Return the one tool."""
        return [_attempt]

    @override
    def get_system_prompt(self) -> str:
        """Return nothing that a model would need: none is asked."""
        return "You attack."


class DoctorPlugin(BasePlugin):
    """What `cadence doctor` opens."""

    @staticmethod
    @override
    def get_metadata() -> PluginMetadata:
        """Return what every plugin has to say of itself."""
        return PluginMetadata(
            pid="cadence.doctor.attacks",
            name="Attacks",
            version="1.0.0",
            description="Attacks from inside a host.",
        )

    @staticmethod
    @override
    def create_agent() -> Attacker:
        """Return an agent."""
        return Attacker()


@uvtool(name="attempt", description="Try an attack; return how it was refused, or nothing.")
def _attempt(attack: str, around: dict[str, Any]) -> str:
    try:
        ATTACKS[attack](around)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except (MemoryError, RuntimeError) as error:
        return type(error).__name__
    return ""
