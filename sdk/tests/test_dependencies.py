"""Packages a plugin needs, on an author's machine."""

import json
import sys
from pathlib import Path

import pytest
from cadence_sdk import check_dependency_installed, install_dependencies


@pytest.mark.parametrize(
    ("dependency", "installed"),
    [
        ("pydantic", True),
        ("pydantic>=2,<3", True),
        ("typing_extensions", True),
        ("pydantic>=99", False),
        ("no-such-package-anywhere", False),
        ("json", True),
        ("json>=1", False),
        ("no-such-package-anywhere; python_version < '3'", True),
        ("--index-url=http://localhost", False),
        ("", False),
    ],
)
def test_a_requirement_is_satisfied_or_not(dependency: str, installed: bool) -> None:  # noqa: FBT001
    assert check_dependency_installed(dependency) is installed


@pytest.fixture
def installer(tmp_path: Path) -> tuple[str, ...]:
    """Return a command that notes its arguments instead of installing them."""
    program = "import json, sys; json.dump(sys.argv[2:], open(sys.argv[1], 'w'))"
    return (sys.executable, "-c", program, str(tmp_path / "asked.json"))


def test_only_what_is_missing_is_installed(installer: tuple[str, ...]) -> None:
    wanted = ["pydantic>=2", "no-such-package-anywhere>=1"]

    assert install_dependencies(wanted, installer=installer) == (True, [])
    assert json.loads(Path(installer[-1]).read_text()) == ["no-such-package-anywhere>=1"]


def test_nothing_is_run_when_all_is_there(installer: tuple[str, ...]) -> None:
    assert install_dependencies(["pydantic"], installer=installer) == (True, [])
    assert not Path(installer[-1]).exists()


def test_an_option_never_reaches_the_installer(installer: tuple[str, ...]) -> None:
    done, problems = install_dependencies(["--index-url=http://x", "a b"], installer=installer)

    assert not done
    assert problems == [
        "'--index-url=http://x' is not a requirement.",
        "'a b' is not a requirement.",
    ]
    assert not Path(installer[-1]).exists()


def test_a_failing_installer_is_a_message() -> None:
    fails = (sys.executable, "-c", "import sys; sys.exit('no network')")

    done, (problem,) = install_dependencies(["no-such-package-anywhere"], installer=fails)

    assert not done
    assert "no network" in problem


@pytest.mark.parametrize(
    "installer",
    [("/no/such/program",), (sys.executable, "-c", "import time; time.sleep(60)")],
    ids=["missing", "hanging"],
)
def test_an_installer_that_does_not_finish_is_a_message(installer: tuple[str, ...]) -> None:
    done, (problem,) = install_dependencies(
        ["no-such-package-anywhere"], installer=installer, timeout=0.5
    )

    assert not done
    assert "did not finish" in problem
