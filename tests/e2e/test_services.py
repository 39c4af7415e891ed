"""`make services`: real stores for a checkout, which are found again, kept, and stopped."""

import random
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.fixtures.operators import Operator
from tests.fixtures.rabbitmq import FOLDER, NO_RABBITMQ
from tests.fixtures.redis_server import NO_REDIS
from tests.fixtures.stores import NO_POSTGRES, find_program

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("services")]

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SCRIPT = SCRIPTS / "services.py"
NO_MONGODB = "no server of the MongoDB protocol: scripts/mongodb_server.sh, then run again"
NAMES = ("PostgreSQL", "Redis", "RabbitMQ", "MongoDB", "S3")
# Five for the servers, and two with which RabbitMQ's own parts find each other.
PORTS = 7
# Below those that the system takes for outgoing connections.
CHOICE = range(20_000, 30_000, PORTS)


@dataclass(frozen=True, slots=True)
class Services:
    """The script, on a folder and on ports that no other run uses."""

    folder: Path
    first_port: int

    def run(self, command: str) -> tuple[int, list[str]]:
        """Run it to its end; return its code and its lines."""
        place = ("--folder", str(self.folder), "--first-port", str(self.first_port))
        done = subprocess.run(
            [sys.executable, SCRIPT, command, *place],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    @property
    def environment(self) -> dict[str, str]:
        """What it has written down for `.env`."""
        lines = (self.folder / "env").read_text().splitlines()
        return {name: url for name, _, url in (line.partition("=") for line in lines)}

    @property
    def open_ports(self) -> list[int]:
        """Which of its ports somebody listens on."""
        return [port for port in range(self.first_port, self.first_port + PORTS) if is_open(port)]


def has_mongodb_server() -> bool:
    """Whether there is one that asks for a password, which the one in Java cannot."""
    asked = subprocess.run(
        [SCRIPTS / "mongodb_server.sh", "which"], capture_output=True, check=False
    )
    return asked.returncode == 0 and asked.stdout.strip() != b"mongo-java-server"


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    for is_installed, reason in (
        (find_program("postgres"), NO_POSTGRES),
        (find_program("redis-server"), NO_REDIS),
        ((FOLDER / "rabbitmq-server").exists(), NO_RABBITMQ),
        (has_mongodb_server(), NO_MONGODB),
    ):
        if not is_installed:
            pytest.skip(reason)
    # Outside of pytest's folder, which only root may enter.
    folder = Path(f"/tmp/cadence-services-{secrets.token_hex(6)}")  # noqa: S108  # a fresh name
    free = (first for first in random.sample(CHOICE, 100) if not Services(folder, first).open_ports)
    services = Services(folder, next(free))
    try:
        code, told = services.run("start")
        assert code == 0, told
        assert [line.split()[:3] for line in told[: len(NAMES)]] == [
            ["ok", name, "started"] for name in NAMES
        ]
        yield services
    finally:
        services.run("stop")
        shutil.rmtree(folder)


def test_what_is_started_is_all_that_a_fleet_needs(services: Services, operator: Operator) -> None:
    assert operator.types("migrate", **services.environment).code == 0

    examined = operator.types("doctor", **services.environment)

    assert examined.code == 0, examined.out


def test_what_runs_already_is_found_and_what_to_set_is_told_again(services: Services) -> None:
    before = services.environment

    code, told = services.run("start")

    assert code == 0
    assert all(" runs already on " in line for line in told[: len(NAMES)])
    assert [f"{name}={url}" for name, url in before.items()] == told[-len(before) :]
    assert services.environment == before


def test_only_this_machine_and_only_by_password(services: Services) -> None:
    password = (services.folder / "password").read_text()
    addresses = [value for name, value in services.environment.items() if name.endswith("_URL")]
    assert len(addresses) == len(NAMES)
    for url in addresses:
        assert f":{password}@127.0.0.1:" in url or url == "s3://cadence"
    assert services.environment["CADENCE_OBJECT_ENDPOINT"].startswith("http://127.0.0.1:")
    for name in ("env", "password"):
        assert (services.folder / name).stat().st_mode & 0o077 == 0
    with socket.create_connection(("127.0.0.1", services.first_port + 1)) as redis:
        redis.sendall(b"PING\r\n")
        assert redis.recv(100).startswith(b"-NOAUTH")
    with (
        MongoClient[dict[str, object]]("127.0.0.1", services.first_port + 5) as stranger,
        pytest.raises(OperationFailure, match="authentication"),
    ):
        stranger["cadence_none"]["messages"].find_one()


def test_what_was_stored_is_there_after_a_stop(services: Services, operator: Operator) -> None:
    assert operator.types("migrate", **services.environment).code == 0

    stopped, told = services.run("stop")
    assert stopped == 0
    assert [line.split()[1:] for line in told] == [[name, "stopped"] for name in NAMES]
    assert services.open_ports == []
    assert services.run("stop")[1][0].endswith("does not run")

    assert services.run("start")[0] == 0

    # Which says BAD of a database without the migrations.
    assert operator.types("doctor", **services.environment).code == 0


def test_a_port_that_is_taken_is_named(services: Services) -> None:
    port = services.first_port + 1
    with socket.create_connection(("127.0.0.1", port)) as redis:
        password = (services.folder / "password").read_text()
        redis.sendall(f"AUTH {password}\r\nSHUTDOWN\r\n".encode())
        while redis.recv(100):
            pass

    with socket.create_server(("127.0.0.1", port)):
        code, told = services.run("start")

    assert code == 1
    taken = f"something else listens on 127.0.0.1:{port}"
    assert ["BAD", "Redis", taken] in [line.split(maxsplit=2) for line in told]
    assert "CADENCE_REDIS_URL" not in services.environment
    assert services.run("start")[0] == 0
