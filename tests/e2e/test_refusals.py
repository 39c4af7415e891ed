"""What the service does not start with, and how it says so."""

import re
import socket
from collections.abc import Mapping

import pytest

from tests.fixtures.operators import Operator
from tests.fixtures.production import PRODUCTION, SEALING_KEY, SECRET

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        pytest.param(
            {"CADENCE_ENVIRONMENT": "production"},
            [
                "CADENCE_SECRET_KEY",
                "CADENCE_ENCRYPTION_KEYS",
            ],
            id="production without secrets",
        ),
        pytest.param(
            {**PRODUCTION, "CADENCE_SECRET_KEY": "a9f3k2m8"},
            ["CADENCE_SECRET_KEY"],
            id="a short secret",
        ),
        pytest.param(
            {**PRODUCTION, "CADENCE_SECRET_KEY": f"please-change-me-{SECRET}"},
            ["CADENCE_SECRET_KEY"],
            id="a placeholder",
        ),
        pytest.param(
            {**PRODUCTION, "CADENCE_SECRET_KEY": "0123456789abcdef" * 3},
            ["CADENCE_SECRET_KEY"],
            id="a pattern",
        ),
        pytest.param(
            {**PRODUCTION, "CADENCE_SECRET_KEY": SEALING_KEY},
            ["CADENCE_SECRET_KEY"],
            id="one key for everything",
        ),
        pytest.param(
            {**PRODUCTION, "CADENCE_API_CORS_ORIGINS": "*"},
            ["CADENCE_API_CORS_ORIGINS"],
            id="every origin in production",
        ),
        pytest.param(
            {**PRODUCTION, "CADENCE_PLUGIN_ISOLATION": "process"},
            ["CADENCE_PLUGIN_ISOLATION=process"],
            id="a weak isolation in production",
        ),
        pytest.param(
            {**PRODUCTION, "CADENCE_PLUGIN_ISOLATION": "off"},
            ["CADENCE_PLUGIN_ISOLATION=off"],
            id="no isolation in production",
        ),
        pytest.param(
            {"CADENCE_PLUGIN_ISOLATION": "namespaces", "PATH": "/nowhere"},
            ["CADENCE_PLUGIN_ISOLATION=namespaces"],
            id="namespaces without bubblewrap",
        ),
        pytest.param(
            {"CADENCE_ENVIRONMENT": "prod"}, ["CADENCE_ENVIRONMENT"], id="no such environment"
        ),
        pytest.param({"CADENCE_API_PROT": "8000"}, ["CADENCE_API_PROT"], id="a misspelt variable"),
        pytest.param({"CADENCE_API_PORT": "eighty"}, ["CADENCE_API_PORT"], id="a wrong type"),
        pytest.param(
            {"CADENCE_ACCESS_MAX_SESSIONS": "0"}, ["CADENCE_ACCESS_MAX_SESSIONS"], id="too small"
        ),
        pytest.param({"CADENCE_ACCESS": "long"}, ["CADENCE_ACCESS"], id="a group as a whole"),
        pytest.param(
            {"CADENCE_EGRESS_ALLOW_NETS": "home"}, ["CADENCE_EGRESS_ALLOW_NETS"], id="no network"
        ),
        pytest.param(
            {"CADENCE_POSTGRES_URL": "mysql://host/name", "CADENCE_REDIS_URL": "localhost:6379"},
            ["CADENCE_POSTGRES_URL", "CADENCE_REDIS_URL"],
            id="URLs of something else",
        ),
        pytest.param(
            {"CADENCE_POSTGRES_URL": "postgresql://127.0.0.1:1/cadence"},
            ["CADENCE_POSTGRES_URL"],
            id="no database",
        ),
        pytest.param(
            {"CADENCE_RABBITMQ_URL": "http://host", "CADENCE_MONGO_URL": "http://host"},
            ["CADENCE_RABBITMQ_URL", "CADENCE_MONGO_URL"],
            id="a broker and a store of another kind",
        ),
        pytest.param(
            {"CADENCE_STORAGE_ROOT": "/dev/null/stores"}, ["CADENCE_STORAGE_ROOT"], id="no folder"
        ),
    ],
)
def test_a_start_is_refused_with_a_sentence_for_each_reason(
    operator: Operator, settings: Mapping[str, str], variables: list[str]
) -> None:
    refused = operator.types("serve", **settings)

    assert refused.code == 2
    assert refused.out == ""
    for reason, variable in zip(refused.reasons, variables, strict=True):
        assert re.search(rf"\b{variable}\b", reason)
        assert reason.endswith((".", "?"))
    assert SECRET not in refused.err
    assert SEALING_KEY not in refused.err


def test_more_than_one_process_is_refused_with_stores_in_memory(operator: Operator) -> None:
    refused = operator.types("serve", "--workers", "2")

    assert refused.code == 2
    named = [re.findall(r"CADENCE_\w+", reason) for reason in refused.reasons]
    assert named == [["CADENCE_REDIS_URL"], ["CADENCE_POSTGRES_URL"], ["CADENCE_RABBITMQ_URL"]]
    assert list(operator.folder.iterdir()) == []


def test_a_misspelt_variable_is_told_the_one_that_was_meant(operator: Operator) -> None:
    (operator.folder / ".env").write_text("CADENCE_POSTGERS_URL=x\n", encoding="utf-8")

    refused = operator.types("serve", CADENCE_API_PROT="8000")

    assert refused.reasons == [
        "CADENCE_API_PROT is not a setting; did you mean CADENCE_API_PORT?",
        "CADENCE_POSTGERS_URL is not a setting; did you mean CADENCE_POSTGRES_URL?",
    ]


def test_a_port_that_is_taken_is_refused(operator: Operator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = operator.types("serve", "--port", str(port))

    assert refused.code == 2
    assert f"127.0.0.1:{port} (Address already in use)" in refused.reasons[0]
    assert "CADENCE_API_PORT" in refused.reasons[0]


@pytest.mark.parametrize(
    ("broken", "thing", "remedy"),
    [
        pytest.param(
            {"CADENCE_REDIS_URL": "redis://127.0.0.1:1"},
            "redis",
            "start Redis, or check CADENCE_REDIS_URL",
            id="Redis is down",
        ),
        pytest.param(
            {"CADENCE_POSTGRES_URL": "postgresql://cadence:hunter2hunter2@127.0.0.1:1/cadence"},
            "stores",
            "CADENCE_POSTGRES_URL: the database cannot be used",
            id="PostgreSQL is down",
        ),
        pytest.param(
            {"CADENCE_OBJECT_STORE_URL": "file:///nowhere/at/all"},
            "stores",
            "CADENCE_OBJECT_STORE_URL",
            id="the object store is not there",
        ),
        pytest.param(
            {"CADENCE_ENCRYPTION_KEYS_FILE": "/nowhere/keys"},
            "stores",
            "CADENCE_ENCRYPTION_KEYS_FILE: /nowhere/keys cannot be used",
            id="the file of keys is not there",
        ),
        pytest.param(
            {"CADENCE_ENCRYPTION_KEYS": "hunter2hunter2"},
            "stores",
            "Entry 1 of CADENCE_ENCRYPTION_KEYS",
            id="a key without its kid",
        ),
        pytest.param(
            {"CADENCE_API_PORT": "eighty"}, "settings", "CADENCE_API_PORT", id="a wrong type"
        ),
        pytest.param(
            {"CADENCE_ENVIRONMENT": "production"},
            "settings",
            "CADENCE_SECRET_KEY",
            id="production without secrets",
        ),
    ],
)
def test_doctor_names_what_is_broken_and_the_setting(
    operator: Operator, broken: dict[str, str], *, thing: str, remedy: str
) -> None:
    examined = operator.types("doctor", **broken)

    assert examined.code == 1
    bad = [line for line in examined.out.splitlines() if line.startswith("BAD")]
    assert any(line.split()[1] == thing and remedy in line for line in bad), examined.out
    assert "hunter2" not in examined.out + examined.err


def test_doctor_makes_nothing_where_a_server_would_not_start(operator: Operator) -> None:
    operator.types("doctor", CADENCE_ENVIRONMENT="production")

    assert list(operator.folder.iterdir()) == []
