"""The service on machines that lack something to lock plugins in with."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

import httpx
import pytest

from tests.fakes import lesser_kernel
from tests.fixtures.processes import CADENCE, Processes
from tests.fixtures.service import PASSWORD, SYS_ADMIN

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="what locks a host in is Linux's"),
]

LESSER = (sys.executable, str(Path(lesser_kernel.__file__)))
NO_LANDLOCK = (*LESSER, "landlock", "--")
AS_IN_DOCKER = (*LESSER, "namespaces", "--")
NO_BUBBLEWRAP = {"PATH": "/nowhere"}


def _run(
    folder: Path, command: str, *, within: Sequence[str] = (), **environment: str
) -> tuple[int, str]:
    """Run a `cadence` command to its end and return its code and what it wrote."""
    done = subprocess.run(
        [*within, CADENCE, command],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


def _on_plugins(written: str) -> list[list[str]]:
    told = [line.split(maxsplit=2) for line in written.splitlines()]
    return [line for line in told if line[1] in {"plugins", "attacks"}]


@pytest.mark.parametrize(
    ("within", "environment", "cause"),
    [
        pytest.param((), NO_BUBBLEWRAP, "bubblewrap is not installed", id="no bubblewrap"),
        pytest.param(
            AS_IN_DOCKER,
            {},
            "bubblewrap does not work (No permissions",
            id="as in Docker",
            marks=pytest.mark.skipif(which("bwrap") is None, reason="bubblewrap has to refuse"),
        ),
    ],
)
def test_without_namespaces_plugins_are_locked_in_and_nothing_is_got(
    tmp_path: Path, *, within: Sequence[str], environment: Mapping[str, str], cause: str
) -> None:
    code, written = _run(tmp_path, "doctor", within=within, **environment)
    plugins, attacks = _on_plugins(written)

    assert code == 0
    assert plugins[0] == "note"
    assert plugins[2].startswith("lock: ")
    assert cause in plugins[2]
    assert attacks[0] == "ok"


def test_without_landlock_plugins_are_refused_with_cause_and_remedy(tmp_path: Path) -> None:
    code, written = _run(tmp_path, "doctor", within=NO_LANDLOCK)

    assert code == 1
    ((state, _, told),) = _on_plugins(written)
    assert state == "BAD"
    assert told.startswith("are refused: the kernel has no Landlock")
    assert "Run the service on Linux 5.13 or newer" in told


@pytest.mark.parametrize("choice", ["lock", "namespaces"])
def test_a_level_that_is_asked_for_and_missing_stops_the_start(tmp_path: Path, choice: str) -> None:
    code, written = _run(tmp_path, "serve", within=NO_LANDLOCK, CADENCE_PLUGIN_ISOLATION=choice)

    assert code == 2
    assert f"cadence: CADENCE_PLUGIN_ISOLATION={choice} cannot be had here: " in written
    assert "Run the service on Linux 5.13 or newer" in written


def test_without_landlock_the_rest_of_the_service_runs(processes: Processes) -> None:
    login = {"username": SYS_ADMIN, "password": PASSWORD}
    person = ("--username", SYS_ADMIN, "--password", PASSWORD)
    processes.run("bootstrap", *person, environment={})

    server = processes.serve({}, within=NO_LANDLOCK)
    with httpx.Client(base_url=server.base_url, timeout=10) as http:
        token = http.post("/api/auth/login", json=login).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        told = http.get("/api/admin/health", headers=headers).json()

    assert told["status"] == "ok"
    assert told["isolation"]["level"] is None
    assert "no Landlock" in told["isolation"]["cause"]
    assert "Linux 5.13" in told["isolation"]["remedy"]
    assert "plugins_refused" in {warning["code"] for warning in told["warnings"]}


def test_a_weak_level_is_warned_of_at_each_start(processes: Processes) -> None:
    server = processes.serve({"CADENCE_PLUGIN_ISOLATION": "process"})

    warned = [line for line in server.written.splitlines() if "plugin_isolation_weak" in line]
    assert len(warned) == 1
    assert "warning" in warned[0]
