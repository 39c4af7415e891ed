"""No key, password or token where it does not belong: T13 and T14 of SECURITY.md, by searching.

A real process is told secrets in every way there is, and everything that it has answered, logged
and stored is then searched for each of them, in every way of writing it down.
"""

import asyncio
import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from cadence.infra.secrets.derivation import KeyPurpose, derive_key
from cadence.infra.secrets.keyring import Keyring, generate_key
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.ids import OrganizationId
from tests.fixtures.processes import Processes
from tests.security.canaries import Secret, find, new_canary, secret_key, secret_text
from tests.security.canary_stage import Answer, Stage, open_stage
from tests.security.canary_trouble import tell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KIDS = ("k2", "k1")
# With `--dist loadgroup` one worker tells a story for all the tests that ask about it.
FORMATS = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"canaries, {name}"))
    for name in ("json", "text")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What the operator has set, and the first password."""

    secret: str
    keys: dict[str, str]
    password: str

    @property
    def environment(self) -> dict[str, str]:
        sealing = ",".join(f"{kid}:{key}" for kid, key in self.keys.items())
        return {"CADENCE_SECRET_KEY": self.secret, "CADENCE_ENCRYPTION_KEYS": sealing}

    @property
    def secrets(self) -> list[Secret]:
        texts = {"operator's secret": self.secret, "password of root": self.password}
        derived = {purpose: derive_key(self.secret, purpose) for purpose in KeyPurpose}
        return [
            *(secret_text(name, text) for name, text in texts.items()),
            *(secret_text(f"sealing key {kid}", key) for kid, key in self.keys.items()),
            *(secret_key(f"sealing {kid}", base64.b64decode(k)) for kid, k in self.keys.items()),
            *(secret_key(f"key for {purpose}", key) for purpose, key in derived.items()),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is left of the story when the process has ended."""

    stage: Stage
    operator: Operator
    log: str
    log_format: str
    bootstrap: str
    root: Path

    @property
    def secrets(self) -> list[Secret]:
        return self.stage.secrets

    @property
    def answers(self) -> list[Answer]:
        return self.stage.answers

    def rows(self, table: str) -> list[sqlite3.Row]:
        connection = sqlite3.connect(self.root / "cadence.db")
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  # ours
        finally:
            connection.close()

    def cells(self) -> Iterator[tuple[str, bytes]]:
        """Yield every value of every table, with where it stands."""
        tables = [row["name"] for row in self.rows("sqlite_master") if row["type"] == "table"]
        for table in tables:
            for row in self.rows(table):
                for column in row.keys():  # noqa: SIM118  # a row iterates over its values
                    value = row[column]
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    yield f"{table}.{column}", raw


@pytest.fixture(scope="module", params=FORMATS)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The whole story, told once for each form of the log."""
    processes = Processes(tmp_path_factory.mktemp("canaries"))
    try:
        return _tell(processes, log_format=request.param)
    finally:
        processes.close()


def _tell(processes: Processes, *, log_format: str) -> Told:
    operator = Operator(
        secret=new_canary(), keys={kid: generate_key() for kid in KIDS}, password=new_canary()
    )
    root = processes.folder / "var"
    environment = {
        **operator.environment,
        "CADENCE_STORAGE_ROOT": str(root),
        "CADENCE_LOG_LEVEL": "DEBUG",
        "CADENCE_LOG_FORMAT": log_format,
        "CADENCE_PLUGIN_CALL_TIMEOUT": "1",
    }
    first = ("bootstrap", "--username", "root", "--password", operator.password)
    bootstrap = processes.run(*first, environment=environment)
    server = processes.serve(environment)
    stage = asyncio.run(_play(server.base_url, operator, root / "cadence.db"))
    server.stop()
    return Told(
        stage=stage,
        operator=operator,
        log=server.written,
        log_format=log_format,
        bootstrap=bootstrap,
        root=root,
    )


async def _play(base_url: str, operator: Operator, database: Path) -> Stage:
    async with open_stage(base_url, database=database, secrets=operator.secrets) as stage:
        await tell(stage, root_password=operator.password)
        return stage


def test_every_operation_was_called_and_went_wrong_in_every_way(told: Told) -> None:
    described = next(a for a in told.answers if a.call == "GET /openapi.json").content
    operations = [
        re.compile(f"{method.upper()} {re.sub(r'{[^}]+}', '[^/]+', path)}")
        for path, methods in json.loads(described)["paths"].items()
        for method in methods
    ]
    called = {answer.call.partition("?")[0] for answer in told.answers}

    assert [each.pattern for each in operations if not any(map(each.fullmatch, called))] == []
    statuses = {answer.status for answer in told.answers}
    assert statuses >= {200, 201, 204, 400, 401, 403, 404, 405, 409, 413, 422, 500, 502}
    events = b"".join(answer.content for answer in told.answers)
    for word in (b"event: error", b'"is_error":true', b'"tool_timeout"', b'"outcome":"failed"'):
        assert word in events
    assert b'"final":true' in events


def test_the_secrets_were_really_used(told: Told) -> None:
    shown = {call.api_key for call in told.stage.model.calls}

    assert len(shown) >= 10
    assert all(find(key.encode(), told.secrets) for key in shown)


def test_no_answer_and_no_event_shows_a_secret(told: Told) -> None:
    leaks = {
        (answer.call, leak)
        for answer in told.answers
        for leak in find(answer.head + b"\n" + answer.content, told.secrets)
    }

    assert leaks == set()


def test_no_line_of_the_log_shows_a_secret(told: Told) -> None:
    assert find(told.log.encode(), told.secrets) == []


def test_no_line_of_the_log_shows_what_people_say(told: Told) -> None:
    assert find(told.log.encode(), told.stage.private) == []


def test_nobody_can_forge_a_line_of_the_log(told: Told) -> None:
    assert "\x1b" not in told.log
    for line in told.log.splitlines():
        if told.log_format == "json":
            assert json.loads(line)["timestamp"]
        else:
            assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \w+ +\S|    \| ", line), line


def test_no_column_holds_a_secret(told: Told) -> None:
    leaks = {(place, leak) for place, raw in told.cells() for leak in find(raw, told.secrets)}

    assert leaks == set()


def test_no_file_holds_a_secret(told: Told) -> None:
    # The database's pages and its journal too, where what was deleted may still stand.
    files = [path for path in told.root.rglob("*") if path.is_file()]

    leaks = {(path.name, leak) for path in files for leak in find(path.read_bytes(), told.secrets)}

    assert leaks == set()
    assert {"cadence.db", "plugin.py"} <= {path.name for path in files}
    # Nothing was made up for development, since the operator has set everything.
    assert not any(path.name.startswith("dev-") for path in files)


def test_sealed_columns_hold_the_keys_as_ciphertext_only(told: Told) -> None:
    sealed = told.rows("llm_configs")
    settings = [
        value["$sealed"]
        for row in told.rows("orchestrators")
        for values in json.loads(row["plugin_settings"]).values()
        for name, value in values.items()
        if name == "token"
    ]

    texts = [*(row["sealed_key"] for row in sealed), *settings]
    assert len(texts) >= 7
    assert all(re.fullmatch(r"v1\.k2\.[\w-]{60,}", text) for text in texts)
    assert len(set(texts)) == len(texts)


def test_a_sealed_key_opens_to_the_key_that_was_entered(told: Told) -> None:
    # Or the search above might have found nothing because nothing had been kept.
    sealer = Sealer(Keyring.parse(told.operator.environment["CADENCE_ENCRYPTION_KEYS"]))
    own = [row for row in told.rows("llm_configs") if row["name"] == row["provider"]]

    opened = [
        sealer.open(
            row["sealed_key"],
            organization_id=OrganizationId(UUID(row["organization_id"])),
            purpose="llm_config.api_key",
            secret_id=row["secret_id"],
        )
        for row in own
    ]

    assert len(opened) == 5
    assert all(find(key.encode(), told.secrets) for key in opened)
    assert [row["key_hint"] for row in own] == [key[-4:] for key in opened]


def test_passwords_are_stored_as_argon2_hashes(told: Told) -> None:
    hashes = {row["username"]: row["password_hash"] for row in told.rows("users")}

    assert set(hashes) >= {"root", "admin", "member"}
    for stored in hashes.values():
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_hashes_and_ciphertexts_stay_in_the_database(told: Told) -> None:
    stored = [row["password_hash"] for row in told.rows("users")]
    stored += [row["sealed_key"] for row in told.rows("llm_configs")]

    everything = b"".join(answer.head + answer.content for answer in told.answers)

    for text in stored:
        core = text.rpartition("$")[2].rpartition(".")[2].encode()
        assert core not in everything
        assert core not in told.log.encode()


@pytest.mark.parametrize("page", ["/health", "/ready", "/openapi.json"])
def test_public_pages_show_no_settings(told: Told, *, page: str) -> None:
    shown = [answer for answer in told.answers if answer.call == f"GET {page}"]

    assert shown
    for answer in shown:
        assert answer.status == 200
        text = answer.content.decode()
        for setting in (str(told.root), "sqlite", "memory://", "CADENCE_", "k2", "DEBUG"):
            assert setting not in text


def test_errors_show_no_settings(told: Told) -> None:
    for answer in told.answers:
        if answer.status < 400:
            continue
        text = answer.content.decode()
        for setting in (str(told.root), "sqlite", "memory://", "Traceback", "site-packages"):
            assert setting not in text, answer


def test_bootstrap_shows_the_password_and_no_other_secret(told: Told) -> None:
    others = [secret for secret in told.secrets if secret.name != "password of root"]

    assert told.operator.password in told.bootstrap
    assert find(told.bootstrap.encode(), others) == []
