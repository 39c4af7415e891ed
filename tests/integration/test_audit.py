"""The audit trail through the API: every change is told, nothing else is, and who may read it."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from cadence.entrypoints.api import build_api
from cadence.http.openapi import operations
from cadence.infra.database.tables import ApiKey, AuditEntry
from tests.fakes.model_server import ModelServer
from tests.fixtures.clients import Client, Organization
from tests.fixtures.service import PASSWORD, SYS_ADMIN, Service, settings_for
from tests.fixtures.store_contents import run_in_store
from tests.integration import audit_of_orchestrators, audit_of_people, audit_of_things
from tests.integration.audit_stage import CANARY, Case, Stage, Told, a_name, made

CASES: Mapping[str, Case] = (
    audit_of_people.CASES | audit_of_things.CASES | audit_of_orchestrators.CASES
)
MUTATING = {
    described["operationId"]: (method, path)
    for method, path, described in operations(build_api(settings_for(Path("unused"))).openapi())
    if method not in {"GET", "HEAD", "OPTIONS"}
}
UNKNOWN = "01900000-0000-7000-8000-000000000000"
ADDRESS = "127.0.0.1"


@pytest.fixture
def stage(
    http: httpx.AsyncClient, sys_admin: Client, *, organization: Organization, model: ModelServer
) -> Stage:
    return Stage(http=http, root=sys_admin, organization=organization, model=model)


async def entries(client: Client, place: str = "/api/admin/audit", **query: Any) -> list[Any]:
    """Return entries, newest first."""
    answer = await client.get(place, params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["items"]
    return found


async def told_of(sys_admin: Client, answer: httpx.Response) -> list[Any]:
    """Return the entries of one request, oldest first."""
    request_id = answer.headers["X-Request-Id"]
    found = await entries(sys_admin)
    return [entry for entry in reversed(found) if entry["request_id"] == request_id]


def test_every_call_that_may_change_something_is_tried_here() -> None:
    assert CASES.keys() == MUTATING.keys()


@pytest.mark.parametrize("act", CASES.values(), ids=CASES.keys())
async def test_a_change_is_told_and_nothing_else_is(stage: Stage, act: Case) -> None:
    done = await act(stage)

    assert done.answer.is_success, done.answer.text
    found = await told_of(stage.root, done.answer)
    assert [_as_told(entry) for entry in found] == list(done.told)
    for entry in found:
        assert entry["actor"] == await _actor(done.actor)
        assert entry["address"] == ADDRESS


def _as_told(entry: dict[str, Any]) -> Told:
    shown = entry["object"]
    assert entry["action"].startswith(f"{shown['type']}.")
    return Told(entry["action"], shown["id"], shown["name"], entry["org_id"], entry["change"])


async def _actor(client: Client) -> dict[str, str]:
    me = (await client.get("/api/me")).json()
    return {"kind": "user", "id": me["user_id"], "name": me["username"]}


# Whoever is signed in may always log out.
@pytest.mark.parametrize("operation", sorted(MUTATING.keys() - {"log_out"}))
async def test_what_is_refused_leaves_no_entry(
    stage: Stage, other_organization: Organization, operation: str
) -> None:
    method, template = MUTATING[operation]
    places = {
        stage.org_id: (Client(stage.http, None, "none"), other_organization.admin),
        UNKNOWN: (stage.root,),
    }

    for org_id, callers in places.items():
        path = template.replace("{org}", org_id)
        while "{" in path:
            path = path[: path.index("{")] + UNKNOWN + path[path.index("}") + 1 :]
        for caller in callers:
            answer = await caller.request(method, path, json={"nonsense": CANARY})
            assert answer.is_error
            assert await told_of(stage.root, answer) == []


async def test_what_is_rolled_back_half_way_leaves_no_entry(stage: Stage) -> None:
    taken = (await stage.user(email=f"{a_name('taken')}@example.org"))["email"]
    await stage.llm_config(name="first")
    second = await stage.llm_config(name="second")
    bot = await stage.bot()
    refused = [
        await stage.member.patch("/api/me/profile", {"display_name": "New", "email": taken}),
        await stage.admin.patch(f"{{org}}/llm-configs/{second['id']}", {"name": "first"}),
        await stage.admin.delete(f"{{org}}/llm-configs/{bot.llm_config_id}"),
        await stage.admin.delete(f"{{org}}/plugins/{bot.plugin_id}"),
        await stage.admin.delete(f"{{org}}/users/{stage.organization.admin_id}"),
        await stage.admin.patch("{org}/settings", {"temperature": 1, "message_window": -1}),
        await stage.admin.patch(
            f"{{org}}/orchestrators/{bot.id}/config", {"config": {"default_llm_config_id": 0}}
        ),
    ]

    for answer in refused:
        assert answer.status_code in {409, 422}, answer.text
        assert await told_of(stage.root, answer) == []


async def test_what_says_what_is_so_already_leaves_no_entry(stage: Stage) -> None:
    config = await stage.llm_config()
    bot = await stage.bot()
    same = [
        await stage.admin.patch(f"{{org}}/llm-configs/{config['id']}", {"name": "main"}),
        await stage.admin.patch(f"{{org}}/orchestrators/{bot.id}", {"status": "active"}),
        await stage.admin.patch(
            f"{{org}}/orchestrators/{bot.id}/config", {"active_plugin_ids": [bot.plugin_id]}
        ),
        await stage.member.patch("/api/me/profile", {"display_name": None}),
    ]

    for answer in same:
        assert answer.status_code == 200, answer.text
        assert await told_of(stage.root, answer) == []


async def test_a_service_key_is_told_by_its_id_and_name(stage: Stage) -> None:
    key = made(await stage.admin.post("{org}/api-keys", {"name": "ci", "role": "org_admin"}))
    robot = Client(stage.http, key["key"], stage.org_id)

    answer = await robot.post("{org}/llm-configs", {"name": "x", "provider": "offline"})

    assert answer.status_code == 201, answer.text
    (entry,) = await told_of(stage.root, answer)
    assert entry["actor"] == {"kind": "service_key", "id": key["id"], "name": "ci"}
    assert [one["action"] for one in await entries(robot, "{org}/audit", actor_id=key["id"])] == [
        "llm_config.create"
    ]


async def test_what_is_typed_at_the_machine_itself_is_an_operator_s(sys_admin: Client) -> None:
    (entry,) = await entries(
        sys_admin,
        action="user.create",
        object_id=(await sys_admin.get("/api/me")).json()["user_id"],
    )

    assert entry["actor"] == {"kind": "operator", "id": None, "name": "operator"}
    assert (entry["address"], entry["request_id"]) == ("command line", None)
    assert entry["object"]["name"] == SYS_ADMIN


async def test_nothing_secret_stands_in_the_trail(stage: Stage, service: Service) -> None:
    texts = [CANARY, PASSWORD, "sk-", "argon2", "$sealed"]
    key = made(await stage.admin.post("{org}/api-keys", {"name": "ci"}))["key"]
    for act in (
        "create_user",
        "change_profile",
        "change_llm_config",
        "create_orchestrator",
        "change_plugin_settings",
    ):
        assert (await CASES[act](stage)).answer.is_success

    rows = [str(row) for row in await run_in_store(service.settings, select(AuditEntry.__table__))]
    hashes = [found for (found,) in await run_in_store(service.settings, select(ApiKey.key_hash))]
    assert len(rows) > 10
    assert [row for row in rows if any(secret in row for secret in [*texts, key, *hashes])] == []


async def test_an_admin_reads_their_own_organization_s_trail_and_no_other(
    stage: Stage, other_organization: Organization
) -> None:
    await stage.llm_config()
    await stage.user()
    made(await other_organization.admin.patch("{org}/settings", {"temperature": 1}))

    own = await entries(stage.admin, "{org}/audit")
    all_of_it = await entries(stage.root, org_id=stage.org_id)

    assert [entry["action"] for entry in own] == [
        "llm_config.create",
        "membership.create",
        "membership.create",
        "organization.create",
    ]
    assert own == [{k: v for k, v in entry.items() if k != "org_id"} for entry in all_of_it]
    assert {entry["org_id"] for entry in all_of_it} == {stage.org_id}


async def test_the_trail_is_for_admins(
    organization: Organization, other_organization: Organization, anonymous: Client
) -> None:
    own, platform = f"/api/orgs/{organization.id}/audit", "/api/admin/audit"
    expected = [
        (anonymous, own, 401),
        (organization.member, own, 403),
        (other_organization.admin, own, 404),
        (anonymous, platform, 401),
        (organization.admin, platform, 403),
    ]

    found = [
        (client, place, (await client.get(place)).status_code) for client, place, _ in expected
    ]

    assert found == expected


async def test_pages_go_from_the_newest_entry_to_the_oldest(stage: Stage) -> None:
    for number in range(5):
        await stage.llm_config(name=str(number))
    query: dict[str, Any] = {"limit": 2, "object_type": "llm_config"}

    names = []
    while True:
        answer = await stage.admin.get("{org}/audit", params=query)
        assert answer.status_code == 200, answer.text
        names += [entry["object"]["name"] for entry in answer.json()["items"]]
        query["after"] = answer.json()["next"]
        if query["after"] is None:
            break

    assert names == ["4", "3", "2", "1", "0"]


async def test_a_cursor_belongs_to_its_filters(stage: Stage) -> None:
    first = await stage.admin.get("{org}/audit", params={"limit": 1})
    query = {"after": first.json()["next"], "object_type": "membership"}

    answer = await stage.admin.get("{org}/audit", params=query)

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["after"]


async def test_the_trail_is_narrowed_by_what_where_who_and_when(stage: Stage) -> None:
    config = await stage.llm_config()
    place = f"{{org}}/llm-configs/{config['id']}"
    made(await stage.admin.patch(place, {"name": "renamed"}))
    admin_id, root_id = stage.organization.admin_id, (await stage.root.get("/api/me")).json()
    whole = await entries(stage.admin, "{org}/audit")
    renamed, created, *before = whole

    async def found(**query: str) -> Sequence[object]:
        return await entries(stage.admin, "{org}/audit", **query)

    assert await found(action="llm_config.change") == [renamed]
    assert await found(object_type="llm_config") == [renamed, created]
    assert await found(object_type="llm_config", object_id=str(config["id"])) == [renamed, created]
    assert await found(object_type="setting", object_id=str(config["id"])) == []
    assert await found(actor_id=admin_id) == [renamed, created]
    assert await found(actor_id=root_id["user_id"]) == before
    assert await found(since=created["at"]) == [renamed, created]
    assert await found(until=created["at"]) == before
    assert await found(since=created["at"], until=renamed["at"]) == [created]
    eastern = datetime.fromisoformat(renamed["at"]) + timedelta(hours=2)
    assert await found(since=f"{eastern.replace(tzinfo=None).isoformat()}+02:00") == [renamed]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        pytest.param({"action": "nothing.done"}, "action", id="an unknown action"),
        pytest.param({"object_type": "table"}, "object_type", id="an unknown sort of object"),
        pytest.param({"object_id": "x" * 65}, "object_id", id="too long an id"),
        pytest.param({"object_id": "x\x00"}, "object_id", id="an id with NUL"),
        pytest.param({"actor_id": "me"}, "actor_id", id="an actor that is no id"),
        pytest.param({"since": "yesterday"}, "since", id="no time"),
        pytest.param({"since": "1700000000"}, "since", id="seconds"),
        pytest.param({"since": "2026-11-20"}, "since", id="a day"),
        pytest.param({"since": "2026-11-20T09:30:00"}, "since", id="a time of nowhere"),
        pytest.param({"until": "2026-13-20T09:30:00Z"}, "until", id="a thirteenth month"),
        pytest.param({"until": "0001-01-01T00:00:00+23:59"}, "until", id="before the calendar"),
        pytest.param(
            {"since": "2026-11-20T09:30:00Z", "until": "2026-11-20T09:29:59Z"},
            "until",
            id="an end before the beginning",
        ),
        pytest.param({"limit": "0"}, "limit", id="no entry at all"),
        pytest.param({"after": "x"}, "after", id="no cursor"),
    ],
)
async def test_a_question_that_makes_no_sense_is_told_by_its_field(
    organization: Organization, sys_admin: Client, *, query: dict[str, str], path: str
) -> None:
    answers = [
        await organization.admin.get("{org}/audit", params=query),
        await sys_admin.get("/api/admin/audit", params=query),
    ]

    for answer in answers:
        assert answer.status_code == 422
        assert [field["path"] for field in answer.json()["error"]["fields"]] == [path]


@pytest.mark.parametrize("org_id", [UNKNOWN, "not-an-id"])
async def test_a_sys_admin_may_ask_for_one_organization(sys_admin: Client, org_id: str) -> None:
    answer = await sys_admin.get("/api/admin/audit", params={"org_id": org_id})

    if org_id == UNKNOWN:
        assert answer.json() == {"items": [], "next": None}
    else:
        assert answer.json()["error"]["fields"][0]["path"] == "org_id"


async def test_what_a_removed_organization_did_can_still_be_read(stage: Stage) -> None:
    config = await stage.llm_config()
    assert (await stage.root.delete(f"/api/admin/orgs/{stage.org_id}")).status_code == 204

    told = await entries(stage.root, org_id=stage.org_id)

    assert told[0]["action"] == "organization.remove"
    assert told[1]["object"]["id"] == str(config["id"])


async def test_logins_are_lines_of_the_log_without_what_was_typed(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    username = await stage.name_of(stage.member)
    unknown = secrets.token_hex(8)
    tries = [(username, PASSWORD), (username, CANARY), (unknown, CANARY)]
    with caplog.at_level(logging.INFO):
        for name, password in tries:
            body = {"username": name, "password": password}
            await stage.http.post("/api/auth/login", json=body)

    said = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    lines = [line for line in said if str(line.get("event")).startswith("login_")]
    member = stage.organization.member_id
    assert lines == [
        {"event": "login_succeeded", "user_id": member, "address": ADDRESS},
        {
            "event": "login_failed",
            "reason": "wrong_password",
            "user_id": member,
            "address": ADDRESS,
        },
        {
            "event": "login_failed",
            "reason": "unknown_username",
            "user_id": None,
            "address": ADDRESS,
        },
    ]
    assert not any(word in str(said) for word in (CANARY, unknown, PASSWORD))
