"""The level at which plugins run, for machines of every kind."""

import sys

import pytest
from structlog.testing import capture_logs

from cadence.config.production import SettingsRefused
from cadence.config.settings import IsolationChoice
from cadence.plugin_host.choosing import choose, find_isolation
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.probing import SandboxProbe

FULL = SandboxProbe(
    machine="x86_64", bubblewrap="/usr/bin/bwrap", bubblewrap_version="0.8.0", landlock_abi=7
)
NO_BUBBLEWRAP = SandboxProbe(
    machine="x86_64", bubblewrap_problem="it is not installed", landlock_abi=4
)
IN_DOCKER = SandboxProbe(
    machine="x86_64",
    bubblewrap="/usr/bin/bwrap",
    bubblewrap_version="0.8.0",
    bubblewrap_problem="No permissions to create new namespace",
    landlock_abi=4,
)
NO_LANDLOCK = SandboxProbe(
    machine="x86_64", bubblewrap="/usr/bin/bwrap", bubblewrap_version="0.8.0", landlock_abi=0
)
OTHER_PROCESSOR = SandboxProbe(
    machine="riscv64",
    bubblewrap="/usr/bin/bwrap",
    bubblewrap_version="0.8.0",
    landlock_abi=7,
    seccomp_problem="the calls of this processor (riscv64) are not known",
)
NOTHING = SandboxProbe(
    machine="x86_64", bubblewrap_problem="it is not installed", seccomp_problem="it is off"
)
LEAKY = SandboxProbe(machine="x86_64", landlock_abi=7, lock_problem="sockets can be made")


@pytest.mark.parametrize(
    ("found", "auto", "namespaces", "lock"),
    [
        pytest.param(FULL, "namespaces", "namespaces", "lock", id="all there"),
        pytest.param(NO_BUBBLEWRAP, "lock", None, "lock", id="no bubblewrap"),
        pytest.param(IN_DOCKER, "lock", None, "lock", id="bubblewrap may not"),
        pytest.param(NO_LANDLOCK, None, None, None, id="no Landlock"),
        pytest.param(OTHER_PROCESSOR, None, None, None, id="no table of calls"),
        pytest.param(NOTHING, None, None, None, id="nothing at all"),
        pytest.param(LEAKY, None, None, None, id="locks that do not hold"),
    ],
)
def test_a_machine_gives_the_best_level_that_it_has(
    found: SandboxProbe, *, auto: str | None, namespaces: str | None, lock: str | None
) -> None:
    assert choose(IsolationChoice.AUTO, found).level == auto
    assert choose(IsolationChoice.NAMESPACES, found).level == namespaces
    assert choose(IsolationChoice.LOCK, found).level == lock


@pytest.mark.parametrize("choice", [IsolationChoice.PROCESS, IsolationChoice.OFF])
def test_a_weak_level_is_only_chosen_by_name(choice: IsolationChoice) -> None:
    chosen = choose(choice, NOTHING)

    assert chosen.level == IsolationLevel(choice)
    assert chosen.level.is_weak
    assert chosen.remedy != ""


def test_the_zygote_is_told_which_bubblewrap_has_worked() -> None:
    assert choose(IsolationChoice.AUTO, FULL).bubblewrap == "/usr/bin/bwrap"


@pytest.mark.parametrize(
    ("found", "causes", "remedies"),
    [
        pytest.param(
            NOTHING,
            ["no Landlock", "it is off", "bubblewrap is not installed"],
            ["Linux 5.13", "docs/plugins-isolation.md"],
            id="nothing at all",
        ),
        pytest.param(NO_LANDLOCK, ["no Landlock"], ["Linux 5.13"], id="no Landlock"),
        pytest.param(OTHER_PROCESSOR, ["riscv64"], ["x86_64 or aarch64"], id="no table of calls"),
        pytest.param(LEAKY, ["sockets can be made"], ["Linux"], id="locks that do not hold"),
        pytest.param(
            NO_BUBBLEWRAP, ["bubblewrap is not installed"], ["Install"], id="no bubblewrap"
        ),
        pytest.param(
            IN_DOCKER, ["No permissions to create"], ["user namespaces"], id="bubblewrap may not"
        ),
    ],
)
def test_less_than_the_best_names_the_cause_and_the_remedy(
    found: SandboxProbe, causes: list[str], remedies: list[str]
) -> None:
    chosen = choose(IsolationChoice.AUTO, found)

    assert all(cause in chosen.cause for cause in causes), chosen.cause
    assert all(remedy in chosen.remedy for remedy in remedies), chosen.remedy
    assert not chosen.cause.endswith(".")
    assert chosen.remedy.endswith(".")


@pytest.mark.skipif(sys.platform != "linux", reason="what locks a host in is Linux's")
async def test_a_level_that_was_asked_for_and_is_missing_is_refused_as_a_setting() -> None:
    with pytest.raises(SettingsRefused) as refused:
        await find_isolation(IsolationChoice.NAMESPACES, search="/nowhere")

    assert str(refused.value).startswith("CADENCE_PLUGIN_ISOLATION=namespaces cannot be had here: ")
    assert "Install bubblewrap" in str(refused.value)


@pytest.mark.skipif(sys.platform != "linux", reason="what locks a host in is Linux's")
async def test_auto_takes_what_there_is_and_says_so() -> None:
    with capture_logs() as logs:
        found = await find_isolation(IsolationChoice.AUTO, search="/nowhere")

    assert found.level is IsolationLevel.LOCK
    assert [(line["event"], line["log_level"]) for line in logs] == [("plugin_isolation", "info")]


@pytest.mark.parametrize("choice", [IsolationChoice.PROCESS, IsolationChoice.OFF])
async def test_a_weak_level_is_a_warning_at_each_start(choice: IsolationChoice) -> None:
    with capture_logs() as logs:
        await find_isolation(choice)

    (line,) = logs
    assert line["log_level"] == "warning"
    assert line["event"] == "plugin_isolation_weak"
    assert line["remedy"] != ""
