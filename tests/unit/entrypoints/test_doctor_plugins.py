"""How the doctor tells of attacks, at levels that promise something and at those that do not."""

import pytest

from cadence.entrypoints.doctor_plugins import Tried, holds, tell_attack, tell_attacks
from cadence.plugin_host.isolation import Isolation, IsolationLevel

REFUSED = Tried("fork", "EPERM")
DONE = Tried("read the service's files", "")
LOCK = Isolation(level=IsolationLevel.LOCK, cause="Landlock and seccomp work")
WEAK = Isolation(level=IsolationLevel.PROCESS, cause="it was asked for")


@pytest.mark.parametrize(
    ("tried", "isolation", "told"),
    [
        pytest.param([REFUSED], LOCK, "ok    attacks    1 from inside a plugin, none", id="kept"),
        pytest.param(
            [REFUSED, DONE],
            LOCK,
            "BAD   attacks    2 from inside a plugin, which could read the service's files",
            id="broken",
        ),
        pytest.param(
            [DONE], WEAK, "note  attacks    1 from inside a plugin, which could", id="not promised"
        ),
    ],
)
def test_all_attacks_are_one_line(
    capsys: pytest.CaptureFixture[str], *, tried: list[Tried], isolation: Isolation, told: str
) -> None:
    tell_attacks(tried, isolation)

    assert capsys.readouterr().out.startswith(told)
    assert holds(tried, isolation) is not told.startswith("BAD")


def test_each_attack_says_how_it_was_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for each in (REFUSED, DONE):
        tell_attack(each, LOCK)

    assert capsys.readouterr().out.splitlines() == [
        "ok    attack     fork: refused (EPERM)",
        "BAD   attack     read the service's files: done",
    ]
