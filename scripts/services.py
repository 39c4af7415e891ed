"""Starts real stores for this checkout, where installed, and stops them.

    services.py start [--folder var/services] [--first-port 18430]
    services.py stop  [--folder var/services] [--first-port 18430]

Nothing of the system's own servers is touched: everything lives in the folder and listens on
loopback only, behind a password made here. What is started stays until it is stopped.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from native_services.mongodb import MongoDb
from native_services.objects import Objects
from native_services.postgres import Postgres
from native_services.programs import LOOPBACK, Failed, Place, Server, is_open
from native_services.rabbitmq import RabbitMq
from native_services.redis import Redis

# Below 32768, where Linux begins to take ports for outgoing connections.
FIRST_PORT = 18430
FOLDER = Path(__file__).resolve().parents[1] / "var" / "services"
# RabbitMQ takes the two ports after its own as well.
PORTS = {"postgres": 0, "redis": 1, "rabbitmq": 2, "mongodb": 5, "objects": 6}
START_SECONDS = 120
STOP_SECONDS = 60
LOOK_EVERY = 0.2


def known_servers(folder: Path, first_port: int) -> list[Server]:
    """Return all five, whether they are installed or not; makes their folders."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "password"
    if not written.exists():
        written.touch(mode=0o600)
        written.write_text(secrets.token_hex(16))
    password = written.read_text()
    places = {
        name: Place(folder / name, first_port + number, password) for name, number in PORTS.items()
    }
    for place in places.values():
        place.folder.mkdir(mode=0o700, exist_ok=True)
    return [
        Postgres(places["postgres"]),
        Redis(places["redis"]),
        RabbitMq(places["rabbitmq"]),
        MongoDb(places["mongodb"]),
        Objects(places["objects"]),
    ]


def start(servers: Sequence[Server], environment: Path) -> int:
    """Start what does not run yet and write what to set down; 1 when one could not be started."""
    installed = [server for server in servers if _is_installed(server)]
    running = [server for server in installed if _runs(server)]
    begun = [server for server in installed if server not in running and _begins(server)]
    reached = running + [server for server in begun if _comes_up(server)]
    settings = [server.settings for server in servers if server in reached]
    lines = [f"{name}={value}" for chosen in settings for name, value in chosen.items()]
    environment.touch(mode=0o600)
    environment.write_text("".join(f"{line}\n" for line in lines))
    if lines:
        print(f"\nFor .env, also written to {environment}:", *lines, sep="\n")
    return 0 if len(reached) == len(installed) else 1


def _is_installed(server: Server) -> bool:
    lacking = server.lacking()
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
        if server.lacking() or not server.answers():
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
