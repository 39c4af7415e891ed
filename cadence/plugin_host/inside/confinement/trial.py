"""Tries the confinement in a process of its own and prints, as JSON, how it went.

    python -I -m cadence.plugin_host.inside.confinement.trial

Prints `landlock` (the ABI, 0 without), `seccomp` (why there is none, or null) and, where both are
there, `broken`: what was possible in confinement and should not be, or null.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cadence.plugin_host.inside.confinement.confining import ConfinementFailed, confine
from cadence.plugin_host.inside.confinement.landlock import landlock_abi
from cadence.plugin_host.inside.confinement.limits import HostLimits
from cadence.plugin_host.inside.confinement.seccomp import seccomp_works

_FORBIDDEN: Final[Mapping[str, Callable[[], object]]] = {
    "files can be listed": lambda: list(Path("/").iterdir()),
    "sockets can be made": socket.socket,
    "processes can be started": lambda: subprocess.Popen([sys.executable, "-V"]),
}


def main() -> None:
    """Look, try and tell."""
    abi, reason = landlock_abi(), seccomp_works()
    broken = _find_broken() if abi and reason is None else None
    sys.stdout.write(json.dumps({"landlock": abi, "seccomp": reason, "broken": broken}))


def _find_broken() -> str | None:
    try:
        confine("lock", limits=HostLimits(), readable=[sys.base_prefix, sys.prefix], port=None)
    except ConfinementFailed as failure:
        return str(failure)
    return next((told for told, attempt in _FORBIDDEN.items() if _succeeds(attempt)), None)


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
