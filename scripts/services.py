"""Starts PostgreSQL, Redis and RabbitMQ for this checkout, where installed, and stops them.

    services.py start [--folder var/services] [--first-port 18430]
    services.py stop  [--folder var/services] [--first-port 18430]

Nothing of the system's own servers is touched: everything lives in the folder and listens on
loopback only, behind a password made here. What is started stays until it is stopped.
"""

import argparse
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# Below 32768, where Linux begins to take ports for outgoing connections.
FIRST_PORT = 18430
FOLDER = Path(__file__).resolve().parents[1] / "var" / "services"
LOOPBACK = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 60
LOOK_EVERY = 0.2
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
    """One of the three."""

    name: str
    variable: str
    programs: tuple[str, ...]
    install: str
    place: Place

    @property
    def url(self) -> str:
        """What to set the variable to."""
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


class Postgres:
    """A cluster with one database; root runs it as the user of its package, as it must."""

    name = "PostgreSQL"
    variable = "CADENCE_POSTGRES_URL"
    programs: tuple[str, ...] = ("initdb", "postgres", "pg_ctl", "pg_isready")
    install = "apt-get install postgresql, or brew install postgresql"

    def __init__(self, place: Place) -> None:
        self.place = place
        self._data = place.folder / "data"

    @property
    def url(self) -> str:
        """What to set the variable to."""
        return f"postgresql://cadence:{self.place.password}@{LOOPBACK}:{self.place.port}/cadence"

    def answers(self) -> bool:
        """Whether the server of this folder takes connections."""
        asked = ("-q", "-h", LOOPBACK, "-p", str(self.place.port))
        return self._control("status") == 0 and _run(find("pg_isready"), *asked) == 0

    def begin(self) -> None:
        """Make the cluster if there is none, and start it."""
        if not (self._data / "PG_VERSION").exists():
            self._create()
        options = f"-p {self.place.port} -c listen_addresses={LOOPBACK} -c unix_socket_directories="
        log = str(self.place.folder / "postgres.log")
        if self._control("start", "-W", "-l", log, "-o", options):
            raise Failed(f"read {log}")

    def end(self) -> None:
        """Stop it; whoever is still connected is disconnected."""
        self._control("stop", "-m", "fast", "-t", str(STOP_SECONDS))

    def _create(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        phrase = self.place.folder / "password"
        phrase.write_text(self.place.password)
        if os.geteuid() == 0:
            for path in (self.place.folder, phrase):
                shutil.chown(path, "postgres")
            self._require_reachable()
        options = ("-D", str(self._data), "-U", "cadence", "-E", "UTF8", "--no-locale")
        checked = ("-A", "scram-sha-256", f"--pwfile={phrase}")
        made = _run(*self._user(), find("initdb"), *options, *checked, log=self.place.log)
        # While nobody can connect yet, so that it needs no password.
        alone = (find("postgres"), "--single", "-D", str(self._data), "postgres")
        create = b"CREATE DATABASE cadence\n"
        if made or _run(*self._user(), *alone, log=self.place.log, told=create):
            raise Failed(f"read {self.place.log}")

    def _require_reachable(self) -> None:
        if _run(*self._user(), "test", "-w", str(self.place.folder)):
            raise Failed(
                f"root runs it as the user postgres, who may not enter {self.place.folder}: "
                "name another folder with --folder, or run this as a normal user"
            )

    def _control(self, *arguments: str) -> int:
        command = (find("pg_ctl"), "-D", str(self._data), "-s", *arguments)
        return _run(*self._user(), *command)

    def _user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        owner = pwd.getpwnam("postgres")
        identity = (f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}")
        return ["setpriv", *identity, "--clear-groups"]


class Redis:
    """Writes each command down, so that a restart ends no session."""

    name = "Redis"
    variable = "CADENCE_REDIS_URL"
    programs: tuple[str, ...] = ("redis-server",)
    install = "apt-get install redis-server, or brew install redis"

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def url(self) -> str:
        """What to set the variable to."""
        return f"redis://:{self.place.password}@{LOOPBACK}:{self.place.port}"

    def answers(self) -> bool:
        """Whether it knows the password and has read what it kept."""
        return self._ask("PING").endswith(b"+PONG\r\n")

    def begin(self) -> None:
        """Start it in the background."""
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.place.port}",
            f"requirepass {self.place.password}",
            f'dir "{self.place.folder}"',
            f'logfile "{self.place.log}"',
            "appendonly yes",
            "daemonize yes",
        )
        settings = self.place.folder / "redis.conf"
        settings.write_text("\n".join(lines) + "\n")
        if _run(find("redis-server"), str(settings)):
            raise Failed(f"read {self.place.log}")

    def end(self) -> None:
        """Ask it to write the rest down and go."""
        self._ask("SHUTDOWN")

    def _ask(self, command: str) -> bytes:
        try:
            with socket.create_connection((LOOPBACK, self.place.port), timeout=5) as redis:
                redis.sendall(f"AUTH {self.place.password}\r\n{command}\r\nQUIT\r\n".encode())
                return b"".join(iter(lambda: redis.recv(4096), b"")).removesuffix(b"+OK\r\n")
        except OSError:
            return b""


class RabbitMq:
    """A node of its own, with a port mapper of its own that ends with it."""

    name = "RabbitMQ"
    variable = "CADENCE_RABBITMQ_URL"
    programs: tuple[str, ...] = ("rabbitmq-server", "rabbitmqctl", "erl", "epmd")
    install = "apt-get install rabbitmq-server, or brew install rabbitmq"

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def url(self) -> str:
        """What to set the variable to."""
        return f"amqp://cadence:{self.place.password}@{LOOPBACK}:{self.place.port}/"

    def answers(self) -> bool:
        """Whether the node of this folder has started; asked only once its port is open."""
        return is_open(self.place.port) and self._control("await_startup", "--timeout", "5") == 0

    def begin(self) -> None:
        """Start it in a session of its own, or it would end with the terminal."""
        lines = (
            f"listeners.tcp.1 = {LOOPBACK}:{self.place.port}",
            "default_user = cadence",
            f"default_pass = {self.place.password}",
            "log.file.level = warning",
        )
        (self.place.folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (self.place.folder / "plugins").write_text("[].\n")
        command = (*self._environment(), find("rabbitmq-server"))
        with self.place.log.open("ab") as log:
            subprocess.Popen(  # noqa: S603  # see _run
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )

    def end(self) -> None:
        """Stop the node, then the port mapper, which knows no other."""
        self._control("stop", str(self.place.folder / "pid"))
        _run(find("epmd"), "-port", str(self.place.port + 2), "-kill")

    def _control(self, *arguments: str) -> int:
        return _run(*self._environment(), find("rabbitmqctl"), "-q", *arguments)

    def _environment(self) -> Iterator[str]:
        """Yield what has everything kept in the folder, and nothing read from /etc/rabbitmq."""
        yield "env"
        folder, port = self.place.folder, self.place.port
        yield from (
            f"HOME={folder}",
            f"RABBITMQ_NODENAME=cadence{port}@localhost",
            f"RABBITMQ_NODE_PORT={port}",
            f"RABBITMQ_DIST_PORT={port + 1}",
            f"ERL_EPMD_PORT={port + 2}",
            f"ERL_EPMD_ADDRESS={LOOPBACK}",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
            f"RABBITMQ_MNESIA_BASE={folder / 'data'}",
            f"RABBITMQ_LOG_BASE={folder / 'logs'}",
            f"RABBITMQ_PID_FILE={folder / 'pid'}",
            f"RABBITMQ_ENABLED_PLUGINS_FILE={folder / 'plugins'}",
            f"RABBITMQ_CONFIG_FILE={folder / 'rabbitmq'}",
            f"RABBITMQ_ADVANCED_CONFIG_FILE={folder / 'advanced'}",
            "RABBITMQ_CONF_ENV_FILE=/dev/null",
        )


def find(program: str) -> str:
    """Return where a program is, "" when it is not installed."""
    # Before the path, where Debian puts wrappers that change the user.
    places = [place for pattern in PLACES for place in sorted(Path("/").glob(pattern[1:]))[::-1]]
    found = (str(place / program) for place in places if os.access(place / program, os.X_OK))
    return next(found, None) or shutil.which(program) or ""


def is_open(port: int) -> bool:
    """Whether anything listens on a port of this machine."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=5):
            return True
    except OSError:
        return False


def _run(*command: str, log: Path | None = None, told: bytes = b"") -> int:
    with (log or Path(os.devnull)).open("ab") as output:
        # The programs of three servers, by names that are written above.
        done = subprocess.run(  # noqa: S603
            command, input=told, stdout=output, stderr=output, check=False, cwd="/"
        )
    return done.returncode


def known_servers(folder: Path, first_port: int) -> list[Server]:
    """Return the three, whether they are installed or not; makes their folders."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "password"
    if not written.exists():
        written.touch(mode=0o600)
        written.write_text(secrets.token_hex(16))
    password = written.read_text()
    names = ("postgres", "redis", "rabbitmq")
    places = [
        Place(folder / name, first_port + number, password) for number, name in enumerate(names)
    ]
    for place in places:
        place.folder.mkdir(mode=0o700, exist_ok=True)
    return [Postgres(places[0]), Redis(places[1]), RabbitMq(places[2])]


def start(servers: Sequence[Server], environment: Path) -> int:
    """Start what does not run yet and write their URLs down; 1 when one could not be started."""
    installed = [server for server in servers if _is_installed(server)]
    running = [server for server in installed if _runs(server)]
    begun = [server for server in installed if server not in running and _begins(server)]
    reached = running + [server for server in begun if _comes_up(server)]
    lines = [f"{server.variable}={server.url}" for server in servers if server in reached]
    environment.touch(mode=0o600)
    environment.write_text("".join(f"{line}\n" for line in lines))
    if lines:
        print(f"\nFor .env, also written to {environment}:", *lines, sep="\n")
    return 0 if len(reached) == len(installed) else 1


def _is_installed(server: Server) -> bool:
    lacking = [name for name in server.programs if not find(name)]
    if lacking:
        say("missing", server, f"no {', no '.join(lacking)}: {server.install}")
    return not lacking


def _runs(server: Server) -> bool:
    if not server.answers():
        return False
    say("ok", server, f"runs already on {LOOPBACK}:{server.place.port}")
    return True


def _begins(server: Server) -> bool:
    if is_open(server.place.port):
        say("BAD", server, f"something else listens on {LOOPBACK}:{server.place.port}")
        return False
    try:
        server.begin()
    except Failed as failure:
        say("BAD", server, f"could not be started: {failure}")
        return False
    return True


def _comes_up(server: Server) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while not server.answers():
        if time.monotonic() > deadline:
            say("BAD", server, f"does not answer: read {server.place.log}")
            return False
        time.sleep(LOOK_EVERY)
    say("ok", server, f"started on {LOOPBACK}:{server.place.port}")
    return True


def stop(servers: Sequence[Server]) -> int:
    """Stop what runs; 1 when something still does."""
    is_good = True
    for server in servers:
        if not find(server.programs[0]) or not server.answers():
            say("ok", server, "does not run")
            continue
        server.end()
        deadline = time.monotonic() + STOP_SECONDS
        while is_open(server.place.port) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        is_stopped = not is_open(server.place.port)
        say("ok" if is_stopped else "BAD", server, "stopped" if is_stopped else "still runs")
        is_good = is_good and is_stopped
    return 0 if is_good else 1


def say(state: str, server: Server, told: str) -> None:
    """Print one line about a server."""
    print(f"{state:<8} {server.name:<11} {told}", flush=True)


def main() -> int:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=("start", "stop"))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--first-port", type=int, default=FIRST_PORT)
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    servers = known_servers(folder, asked.first_port)
    return stop(servers) if asked.command == "stop" else start(servers, folder / "env")


if __name__ == "__main__":
    sys.exit(main())
