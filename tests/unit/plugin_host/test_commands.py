"""What hosts may read holds no secret of the machine, and what starts them shows no more."""

import sys
from pathlib import Path

import pytest

import cadence
from cadence.plugin_host.commands import host_readable, zygote_command
from cadence.plugin_host.isolation import IsolationLevel

PROJECT = Path(cadence.__path__[0]).parent
SECRETS = (
    Path("/etc/ssl/private/server.key"),
    Path("/etc/shadow"),
    Path("/usr/src/app/.env"),
    Path("/usr/local/etc/service.env"),
    PROJECT / ".env",
    PROJECT / "var/cadence.db",
    Path(sys.prefix) / ".env",
)


def _bound(folder: Path) -> list[Path]:
    command = zygote_command(
        IsolationLevel.NAMESPACES, descriptor=9, bubblewrap="/usr/bin/bwrap", folder=folder
    )
    return [Path(command[place + 1]) for place, word in enumerate(command) if word == "--ro-bind"]


@pytest.mark.parametrize("secret", SECRETS, ids=str)
def test_no_secret_lies_below_what_a_host_may_read(secret: Path) -> None:
    assert [path for path in host_readable() if secret.is_relative_to(path)] == []


@pytest.mark.parametrize("secret", SECRETS, ids=str)
def test_no_secret_lies_below_what_a_zygote_is_shown(secret: Path, tmp_path: Path) -> None:
    assert [path for path in _bound(tmp_path) if secret.is_relative_to(path)] == []


def test_the_unpacked_plugins_are_shown_to_their_zygote(tmp_path: Path) -> None:
    assert tmp_path in _bound(tmp_path)


@pytest.mark.parametrize("level", [IsolationLevel.LOCK, IsolationLevel.PROCESS])
def test_other_zygotes_start_without_bubblewrap(level: IsolationLevel, tmp_path: Path) -> None:
    command = zygote_command(level, descriptor=9, bubblewrap=None, folder=tmp_path)

    assert command[0] == sys.executable
    assert command[-1] == "9"


def test_where_isolation_is_off_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="off"):
        zygote_command(IsolationLevel.OFF, descriptor=9, bubblewrap=None, folder=tmp_path)
