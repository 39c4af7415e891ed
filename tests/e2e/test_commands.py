"""The `cadence` commands, as an operator types them."""

import base64
import json
import re

import httpx
import pytest

from tests.fixtures.operators import Operator
from tests.fixtures.processes import Processes
from tests.fixtures.production import PRODUCTION


def test_help_lists_the_commands(operator: Operator) -> None:
    helped = operator.types("--help", COLUMNS="200")

    assert helped.code == 0
    for command in ("serve", "migrate", "bootstrap", "demo", "openapi", "doctor", "keys"):
        assert re.search(rf"^│ {command} +[A-Z]", helped.out, re.MULTILINE)


def test_a_command_that_does_not_exist_is_refused(operator: Operator) -> None:
    assert operator.types("sevre").code == 2


@pytest.mark.slow
def test_migrations_go_forward_and_back_and_show_where_they_stand(operator: Operator) -> None:
    empty = operator.types("migrate", "--history")
    up = operator.types("migrate")
    again = operator.types("migrate")
    down = operator.types("migrate", "--down", "1")
    too_far = operator.types("migrate", "--down", "99")

    assert [done.code for done in (empty, up, again, down)] == [0, 0, 0, 0]
    titles = [line[2:] for line in up.out.splitlines()]
    assert re.fullmatch(r"0001  Create .+\.", titles[-1])
    assert [line[2:] for line in empty.out.splitlines()] == titles
    assert "*" not in empty.out
    assert up.out == again.out == f"* {up.out[2:]}"
    assert down.out != up.out
    assert too_far.code == 2
    assert re.fullmatch(r"The database has \d migrations, so 99 .+\.", too_far.reasons[0])


@pytest.mark.slow
def test_migrations_run_on_postgresql_and_a_server_waits_for_them(
    operator: Operator, postgres_url: str
) -> None:
    database = {"CADENCE_POSTGRES_URL": postgres_url}

    before = operator.types("serve", **database)
    migrated = operator.types("migrate", **database)
    after = operator.types("doctor", **database)

    assert before.code == 2
    assert before.reasons == [
        "The database lacks migrations: run `cadence migrate`, then start again."
    ]
    assert migrated.code == 0
    assert migrated.out.startswith("* ")
    assert after.code == 0


def test_bootstrap_shows_the_password_once_and_is_safe_to_repeat(
    operator: Operator, processes: Processes
) -> None:
    storage = {"CADENCE_STORAGE_ROOT": str(operator.folder / "stores")}
    created = operator.types("bootstrap", **storage)
    repeated = operator.types("bootstrap", "--password", "another good password", **storage)

    assert created.code == repeated.code == 0
    shown = dict(re.findall(r"^  (username|password) +(\S+)$", created.out, re.MULTILINE))
    assert repeated.out.splitlines()[0] == "There is a sys_admin already: admin."
    server = processes.serve(storage)
    good = httpx.post(f"{server.base_url}/api/auth/login", json=shown)
    assert good.status_code == 200
    other = httpx.post(
        f"{server.base_url}/api/auth/login", json={**shown, "password": "another good password"}
    )
    assert other.status_code == 401


def test_bootstrap_prints_a_token_that_works_when_sessions_are_shared(
    operator: Operator, processes: Processes, redis_url: str
) -> None:
    settings = {
        "CADENCE_STORAGE_ROOT": str(operator.folder / "stores"),
        "CADENCE_REDIS_URL": redis_url,
    }
    created = operator.types("bootstrap", **settings)

    token = re.findall(r"^  token +(\S+)$", created.out, re.MULTILINE)[0]
    server = processes.serve(settings)
    me = httpx.get(f"{server.base_url}/api/me", headers={"Authorization": f"Bearer {token}"})

    assert me.json()["username"] == "admin"


def test_bootstrap_says_which_field_is_wrong(operator: Operator) -> None:
    refused = operator.types("bootstrap", "--username", "two words", "--password", "short")

    assert refused.code == 2
    assert "two words" not in refused.err
    assert any(reason.startswith("username: ") for reason in refused.reasons)


def test_doctor_finds_a_healthy_installation_healthy(operator: Operator) -> None:
    examined = operator.types("doctor")

    assert examined.code == 0
    found = [line.split(maxsplit=2)[:2] for line in examined.out.splitlines()]
    assert [thing for _, thing in found] == [
        *("settings", "database", "redis", "objects", "events", "plugins", "attacks")
    ]
    # A note on plugins says how they could be locked in better still.
    assert {state for state, thing in found if thing != "plugins"} == {"ok"}


def test_doctor_tells_of_each_attack_from_inside_a_plugin(operator: Operator) -> None:
    examined = operator.types("doctor", "sandbox")

    assert examined.code == 0
    attacks = [line for line in examined.out.splitlines() if line.split()[1] == "attack"]
    assert len(attacks) >= 10
    assert all(line.startswith("ok ") and "refused (" in line for line in attacks)
    assert list(operator.folder.iterdir()) == []


def test_doctor_notes_what_plugins_can_do_at_a_weak_level(operator: Operator) -> None:
    examined = operator.types("doctor", CADENCE_PLUGIN_ISOLATION="process")

    assert examined.code == 0
    noted = [line for line in examined.out.splitlines() if line.startswith("note")]
    assert [line.split()[1] for line in noted] == ["plugins", "attacks"]
    assert "read the service's files" in noted[1]


def test_doctor_examines_a_mongodb_where_one_is_set(operator: Operator, mongodb_url: str) -> None:
    examined = operator.types("doctor", CADENCE_MONGO_URL=mongodb_url)
    broken = operator.types("doctor", CADENCE_MONGO_URL="mongodb://127.0.0.1:1")

    assert examined.code == 0
    assert ["ok", "transcripts"] in [line.split()[:2] for line in examined.out.splitlines()]
    assert broken.code == 1
    told = [line for line in broken.out.splitlines() if line.startswith("BAD")]
    assert len(told) == 1
    assert "CADENCE_MONGO_URL" in told[0]


def test_generated_keys_are_good_for_production(operator: Operator) -> None:
    first, second = (operator.types("keys", "generate") for _ in range(2))

    assert first.out != second.out
    assert len(base64.b64decode(first.out)) == 32
    keys = {
        **PRODUCTION,
        "CADENCE_SECRET_KEY": first.out.strip(),
        "CADENCE_ENCRYPTION_KEYS": f"k1:{second.out.strip()}",
    }
    assert operator.types("doctor", **keys).code == 0


def test_openapi_describes_the_api(operator: Operator) -> None:
    printed = operator.types("openapi")
    written = operator.types("openapi", "openapi.json")
    refused = operator.types("openapi", "no/such/folder/openapi.json")

    assert printed.code == written.code == 0
    assert (operator.folder / "openapi.json").read_text("utf-8") == printed.out
    assert "/api/orgs/{org}/completion/stream" in json.loads(printed.out)["paths"]
    assert refused.code == 2
    assert refused.reasons == [
        "no/such/folder/openapi.json cannot be written: No such file or directory."
    ]


def test_a_whole_production_starts(operator: Operator, processes: Processes) -> None:
    server = processes.serve({**PRODUCTION, "CADENCE_STORAGE_ROOT": str(operator.folder / "var")})

    assert httpx.get(f"{server.base_url}/docs").status_code == 404
    assert httpx.post(f"{server.base_url}/offline/v1/chat/completions").status_code == 404
    assert server.stop() == 0
    assert "Traceback" not in server.written
