"""What is found on machines that have less than this one, with real processes."""

import stat
import sys
from pathlib import Path

import pytest

from cadence.config.settings import IsolationChoice
from cadence.plugin_host.choosing import choose
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.probing import TRIAL, probe
from tests.fakes import lesser_kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what locks a host in is Linux's")

LESSER = (sys.executable, str(Path(lesser_kernel.__file__)))
WITHOUT_LANDLOCK = (*LESSER, "landlock", "--", *TRIAL)
# What bubblewrap 0.8 says inside Docker.
DOCKERS = """#!/bin/sh
if [ "$1" = --version ]; then echo bubblewrap 0.8.0; exit 0; fi
echo 'bwrap: No permissions to create new namespace, likely because the kernel does not allow
non-privileged user namespaces.' >&2
exit 1
"""


def _install(folder: Path, script: str) -> str:
    program = folder / "bwrap"
    program.write_text(script, encoding="utf-8")
    program.chmod(stat.S_IRWXU)
    return str(folder)


async def test_this_machine_is_seen_as_it_is() -> None:
    found = await probe()

    assert found.landlock_abi > 0
    assert found.seccomp_problem is None
    assert found.lock_problem is None
    assert choose(IsolationChoice.AUTO, found).level in {
        IsolationLevel.NAMESPACES,
        IsolationLevel.LOCK,
    }


async def test_a_machine_without_bubblewrap_locks_its_plugins_in(tmp_path: Path) -> None:
    found = await probe(search=str(tmp_path))

    assert found.bubblewrap is None
    assert choose(IsolationChoice.AUTO, found).level is IsolationLevel.LOCK


async def test_bubblewrap_that_may_not_make_namespaces_is_quoted(tmp_path: Path) -> None:
    found = await probe(search=_install(tmp_path, DOCKERS))

    assert found.bubblewrap_version == "0.8.0"
    assert found.bubblewrap_problem is not None
    assert found.bubblewrap_problem.startswith("No permissions to create new namespace")
    assert choose(IsolationChoice.AUTO, found).level is IsolationLevel.LOCK


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        pytest.param("#!/bin/sh\nexit 1\n", "it does not say why", id="it says nothing"),
        pytest.param("#!/bin/sh\nexec sleep 60\n", "within 1.5 seconds", id="it hangs"),
        pytest.param("#!/nowhere/at/all\n", "cannot be run", id="it is no program"),
        pytest.param("#!/bin/sh\necho 1.0\n", "its answer cannot be read", id="it runs nothing"),
        pytest.param(
            "#!/bin/sh\necho \"bwrap: $(head -c 5000 /dev/zero | tr '\\0' x)\" >&2\nexit 1\n",
            "x" * 200,
            id="it says too much",
        ),
    ],
)
async def test_a_broken_bubblewrap_is_a_reason_and_no_error(
    tmp_path: Path, *, script: str, problem: str
) -> None:
    found = await probe(search=_install(tmp_path, script), within=1.5)

    assert found.bubblewrap_problem is not None
    assert problem in found.bubblewrap_problem
    assert len(found.bubblewrap_problem) <= 200


async def test_a_kernel_without_landlock_runs_no_plugins(tmp_path: Path) -> None:
    found = await probe(trial=WITHOUT_LANDLOCK)
    neither = await probe(trial=WITHOUT_LANDLOCK, search=str(tmp_path))

    assert found.landlock_abi == 0
    assert choose(IsolationChoice.AUTO, found).level is None
    assert "bubblewrap is not installed" in choose(IsolationChoice.AUTO, neither).cause


async def test_locks_that_cannot_be_tried_count_as_none() -> None:
    found = await probe(trial=["/nowhere/python"])

    assert found.lock_problem is not None
    assert "cannot be run" in found.lock_problem
    assert choose(IsolationChoice.AUTO, found).level is None
