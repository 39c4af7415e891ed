"""What each server is, where it lives, and how programs are found and run."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

LOOPBACK = "127.0.0.1"
# Where packages put programs that are not on the path, newest version first.
PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/lib/rabbitmq/bin")


class Failed(Exception):
    """A server did not start or stop; the message says where to read why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one server keeps what it holds, how it is reached, and the password for it."""

    folder: Path
    port: int
    password: str

    @property
    def log(self) -> Path:
        """What the server has written while it started and since."""
        return self.folder / "log"


class Server(Protocol):
    """One of the five."""

    name: str
    install: str
    place: Place

    def lacking(self) -> Sequence[str]:
        """Return which of its programs are not installed."""
        ...

    @property
    def settings(self) -> Mapping[str, str]:
        """What to write into `.env` for it."""
        ...

    def answers(self) -> bool:
        """Whether this very server, and no other on its port, is ready."""
        ...

    def begin(self) -> None:
        """Start it, without waiting until it answers."""
        ...

    def end(self) -> None:
        """Stop it in order and wait for that."""
        ...


def find(program: str) -> str:
    """Return where a program is, "" when it is not installed."""
    # Before the path, where Debian puts wrappers that change the user.
    places = [place for pattern in PLACES for place in sorted(Path("/").glob(pattern[1:]))[::-1]]
    found = (str(place / program) for place in places if os.access(place / program, os.X_OK))
    return next(found, None) or shutil.which(program) or ""


def not_found(*names: str) -> Sequence[str]:
    """Return those of the programs that are not installed."""
    return [name for name in names if not find(name)]


def is_open(port: int) -> bool:
    """Whether anything listens on a port of this machine."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=5):
            return True
    except OSError:
        return False


def run(*command: str, log: Path | None = None, told: bytes = b"") -> int:
    """Run a program to its end and return its code; what it writes goes to `log`, if anywhere."""
    with (log or Path(os.devnull)).open("ab") as output:
        # Programs by names that are written in this folder.
        done = subprocess.run(  # noqa: S603
            command, input=told, stdout=output, stderr=output, check=False, cwd="/"
        )
    return done.returncode


def begin(*command: str, log: Path, **environment: str) -> int:
    """Start a program in a session of its own, or it would end with the terminal; return its id."""
    with log.open("ab") as output:
        begun = subprocess.Popen(  # noqa: S603  # see run
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={**os.environ, **environment},  # noqa: TID251  # programs are found by it
            start_new_session=True,
        )
    return begun.pid


class Background:
    """A program without a way to be asked for its end, known by what it was started as."""

    def __init__(self, place: Place) -> None:
        self._written = place.folder / "pid"
        self._port = str(place.port)

    def note(self, pid: int) -> None:
        """Keep its id for the next time that somebody asks."""
        self._written.write_text(str(pid))

    @property
    def runs(self) -> bool:
        """Whether it is there, and is not another that has got its id meanwhile."""
        if not self._written.exists():
            return False
        told = Path("/proc") / self._written.read_text() / "cmdline"
        if told.parent.parent.joinpath("self").exists():
            return told.exists() and self._port in told.read_text()
        return run("kill", "-0", self._written.read_text()) == 0

    def end(self) -> None:
        """Ask it to end in order."""
        if self.runs:
            os.kill(int(self._written.read_text()), signal.SIGTERM)
