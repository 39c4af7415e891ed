"""LLM configs over HTTP: what each call answers, to whom, and what never leaves."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from cadence.bootstrap import database_url
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import LlmConfig, Orchestrator
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import LlmConfigId, new_uuid
from tests.fakes.model_server import (
    Fail,
    ModelServer,
    RefuseKey,
    Say,
    open_model_server,
)
from tests.fixtures.clients import Client, Organization
from tests.fixtures.service import Service

KEY = "sk-canary-llm-key-0123456789"
CONFIGS = "{org}/llm-configs"
OPENAI = {"name": "main", "provider": "openai", "api_key": KEY}
NOT_FOUND = ("not_found", "There is nothing here by that id.")

# Every call on one LLM config, with a body that would be good.
CALLS: list[tuple[str, str, object]] = [
    ("GET", "", None),
    ("PATCH", "", {"name": "stolen"}),
    ("DELETE", "", None),
    ("POST", "/test", None),
]


async def create(client: Client, **fields: object) -> dict[str, Any]:
    answer = await client.post(CONFIGS, {**OPENAI, **fields})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def told(answer: Any) -> tuple[str, str]:
    error = answer.json()["error"]
    return error["code"], error["message"]


def paths(answer: Any) -> list[str]:
    return [field["path"] for field in answer.json()["error"]["fields"]]


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with open_model_server() as server:
        yield server


@pytest.fixture
async def store(service: Service) -> AsyncIterator[Sessions]:
    """The server's own database, for what no call of the API can do."""
    async with open_database(database_url(service.settings), pool_size=1) as engine:
        yield build_sessions(engine)


async def use(store: Sessions, organization: Organization, *, name: str, config_id: int) -> None:
    """Store an orchestrator that names an LLM config."""
    now = SystemClock().now()
    async with transaction(store, PLATFORM, actor=operator_actor()) as session:
        session.add(
            Orchestrator(
                id=new_uuid(),
                organization_id=UUID(organization.id),
                name=name,
                framework_type="langgraph",
                mode="supervisor",
                status="active",
                config={"default_llm_config_id": config_id},
                plugin_settings={},
                config_hash="0" * 64,
                created_at=now,
                updated_at=now,
            )
        )


async def test_a_created_config_is_shown_without_its_key(organization: Organization) -> None:
    answer = await organization.admin.post(
        CONFIGS, {**OPENAI, "model_name": "gpt-4.1", "options": {"project": "p"}}
    )

    body = answer.json()
    assert answer.status_code == 201
    assert KEY not in answer.text
    assert isinstance(body.pop("id"), int)
    assert datetime.fromisoformat(body.pop("created_at")).tzinfo is not None
    assert datetime.fromisoformat(body.pop("updated_at")).tzinfo is not None
    assert body == {
        "name": "main",
        "provider": "openai",
        "model_name": "gpt-4.1",
        "base_url": None,
        "options": {"project": "p"},
        "has_key": True,
        "key_hint": KEY[-4:],
    }


async def test_an_admin_reads_back_what_was_created(organization: Organization) -> None:
    created = await create(organization.admin)

    answer = await organization.admin.get(f"{CONFIGS}/{created['id']}")

    assert answer.status_code == 200
    assert answer.json() == created


async def test_a_member_lists_configs_without_hints(organization: Organization) -> None:
    created = await create(organization.admin)

    answer = await organization.member.get(CONFIGS)

    assert answer.status_code == 200
    shown = {name: value for name, value in created.items() if name != "key_hint"}
    assert answer.json() == {"items": [shown], "next": None}
    assert KEY[-4:] not in answer.text


async def test_a_list_is_walked_by_its_cursor(organization: Organization) -> None:
    created = [(await create(organization.admin, name=f"c{number}"))["id"] for number in range(3)]
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        after = {"after": cursor} if cursor else {}
        page = (await organization.member.get(CONFIGS, params={"limit": "2", **after})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]

    assert seen == created


@pytest.mark.parametrize(
    ("query", "path"), [("limit=0", "limit"), ("limit=201", "limit"), ("after=!!", "after")]
)
async def test_a_list_refuses_what_is_no_page(
    organization: Organization, query: str, path: str
) -> None:
    answer = await organization.admin.get(f"{CONFIGS}?{query}")

    assert answer.status_code == 422
    assert paths(answer) == [path]


async def test_the_offline_stand_in_needs_neither_key_nor_address(
    organization: Organization,
) -> None:
    answer = await organization.admin.post(CONFIGS, {"name": "offline", "provider": "offline"})

    body = answer.json()
    assert answer.status_code == 201
    assert (body["has_key"], body["key_hint"], body["base_url"]) == (False, None, None)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param({"name": " "}, "name", id="blank name"),
        pytest.param({"name": "n" * 129}, "name", id="long name"),
        pytest.param({"name": "a\nb"}, "name", id="two lines"),
        pytest.param({"name": "a\x00"}, "name", id="NUL"),
        pytest.param({"provider": "acme"}, "provider", id="unknown provider"),
        pytest.param({"api_key": None}, "api_key", id="no key"),
        pytest.param({"api_key": f"{KEY}\n"}, "api_key", id="key with a line break"),
        pytest.param({"api_key": [KEY]}, "api_key", id="key in a list"),
        pytest.param({"model_name": "../x"}, "model_name", id="climbing model"),
        pytest.param({"base_url": "http://10.0.0.1/v1"}, "base_url", id="inner address"),
        pytest.param({"base_url": "https://8.8.8.8:22"}, "base_url", id="odd port"),
        pytest.param({"base_url": "file:///etc/passwd"}, "base_url", id="file"),
        pytest.param({"base_url": "https://169.254.169.254/"}, "base_url", id="metadata"),
        pytest.param({"options": {"deployment": "d"}}, "options.deployment", id="foreign option"),
        pytest.param({"options": {"project": 1}}, "options.project", id="number as option"),
        pytest.param({"provider": "openai_compatible", "model_name": "m"}, "base_url", id="no url"),
        pytest.param({"organization_id": "x"}, "organization_id", id="mass assignment"),
        pytest.param({"version": 7}, "version", id="version"),
    ],
)
async def test_a_body_that_cannot_be_is_refused_by_field(
    organization: Organization, fields: dict[str, object], path: str
) -> None:
    answer = await organization.admin.post(CONFIGS, {**OPENAI, **fields})

    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["code"] == "validation_failed"
    assert paths(answer) == [path]
    assert KEY not in answer.text
    assert (await organization.admin.get(CONFIGS)).json()["items"] == []


async def test_a_taken_name_is_a_conflict(organization: Organization) -> None:
    await create(organization.admin)
    other = await create(organization.admin, name="other")

    again = await organization.admin.post(CONFIGS, OPENAI)
    renamed = await organization.admin.patch(f"{CONFIGS}/{other['id']}", {"name": "main"})

    for answer in (again, renamed):
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "llm_config_name_taken"


async def test_a_change_answers_the_new_state(organization: Organization) -> None:
    created = await create(organization.admin, model_name="gpt-4.1")

    answer = await organization.admin.patch(
        f"{CONFIGS}/{created['id']}",
        {"name": "renamed", "api_key": "sk-another-key-abcd", "model_name": None},
    )

    body = answer.json()
    assert answer.status_code == 200
    assert (body["name"], body["model_name"], body["key_hint"]) == ("renamed", None, "abcd")
    assert body["created_at"] == created["created_at"]
    assert (await organization.admin.get(f"{CONFIGS}/{created['id']}")).json() == body


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param({"base_url": "https://thief.example/v1"}, "api_key", id="key stays behind"),
        pytest.param({"api_key": None}, "api_key", id="key is required"),
        pytest.param({"name": None}, "name", id="name is required"),
        pytest.param({"provider": "anthropic"}, "provider", id="provider is fixed"),
    ],
)
async def test_a_change_that_cannot_be_is_refused(
    organization: Organization, fields: dict[str, object], path: str
) -> None:
    created = await create(organization.admin)

    answer = await organization.admin.patch(f"{CONFIGS}/{created['id']}", fields)

    assert answer.status_code == 422
    assert paths(answer) == [path]
    assert (await organization.admin.get(f"{CONFIGS}/{created['id']}")).json() == created


async def test_a_removed_config_is_gone(organization: Organization) -> None:
    place = f"{CONFIGS}/{(await create(organization.admin))['id']}"

    answer = await organization.admin.delete(place)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await organization.admin.get(place)).status_code == 404
    assert (await organization.admin.delete(place)).status_code == 404


async def test_a_config_in_use_cannot_be_removed(
    organization: Organization, store: Sessions
) -> None:
    created = await create(organization.admin)
    await use(store, organization, name="Support", config_id=created["id"])

    answer = await organization.admin.delete(f"{CONFIGS}/{created['id']}")

    assert answer.status_code == 409
    assert told(answer) == (
        "llm_config_in_use",
        'These orchestrators use this LLM config: "Support".',
    )
    assert (await organization.admin.get(f"{CONFIGS}/{created['id']}")).status_code == 200


@pytest.mark.parametrize(("method", "suffix", "body"), CALLS)
async def test_a_plain_member_may_not_touch_a_config(
    organization: Organization, *, method: str, suffix: str, body: object
) -> None:
    created = await create(organization.admin)

    answer = await organization.member.request(
        method, f"{CONFIGS}/{created['id']}{suffix}", json=body
    )

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "not_allowed"


async def test_a_plain_member_may_not_create_a_config(organization: Organization) -> None:
    assert (await organization.member.post(CONFIGS, OPENAI)).status_code == 403


async def test_nobody_unknown_gets_in(organization: Organization, anonymous: Client) -> None:
    stranger = anonymous.elsewhere(organization.id)

    answers = [
        await stranger.get(CONFIGS),
        await stranger.post(CONFIGS, OPENAI),
        await stranger.get("/api/engine/providers"),
        *[
            await stranger.request(method, f"{CONFIGS}/1{rest}", json=body)
            for method, rest, body in CALLS
        ],
    ]

    assert {answer.status_code for answer in answers} == {401}


@pytest.mark.parametrize(("method", "suffix", "body"), CALLS)
async def test_a_foreign_config_answers_like_one_that_never_was(
    organization: Organization,
    other_organization: Organization,
    *,
    method: str,
    suffix: str,
    body: object,
) -> None:
    theirs = await create(other_organization.admin)
    never_ids = ["999999999", "0", "-1", "01", "1.0", "abc", "٣", "9" * 40, "2147483648"]

    for config_id in [str(theirs["id"]), *never_ids]:
        answer = await organization.admin.request(
            method, f"{CONFIGS}/{config_id}{suffix}", json=body
        )
        assert (answer.status_code, told(answer)) == (404, NOT_FOUND)

    untouched = await other_organization.admin.get(f"{CONFIGS}/{theirs['id']}")
    assert untouched.json() == theirs


async def test_an_outsider_sees_no_config_at_all(
    organization: Organization, other_organization: Organization
) -> None:
    created = await create(organization.admin)
    outsider = other_organization.admin.elsewhere(organization.id)

    answers = [
        await outsider.get(CONFIGS),
        await outsider.post(CONFIGS, OPENAI),
        await outsider.get(f"{CONFIGS}/{created['id']}"),
    ]

    assert [(answer.status_code, told(answer)) for answer in answers] == [(404, NOT_FOUND)] * 3


async def test_the_offline_stand_in_passes_its_test(organization: Organization) -> None:
    created = await create(organization.admin, provider="offline", api_key=None)

    answer = await organization.admin.post(f"{CONFIGS}/{created['id']}/test")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["ok"], body["error"]) == (True, None)
    assert isinstance(body["latency_ms"], int)


async def test_a_good_model_passes_its_test(organization: Organization, model: ModelServer) -> None:
    created = await create(organization.admin, base_url=model.openai_url, model_name="m")
    model.script(Say("OK"))

    answer = await organization.admin.post(f"{CONFIGS}/{created['id']}/test")

    assert answer.json()["ok"] is True
    assert [call.api_key for call in model.calls] == [KEY]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        pytest.param(RefuseKey(), "model_authentication_failed", id="wrong key"),
        pytest.param(Fail(500, message=KEY), "model_unavailable", id="failing"),
    ],
)
async def test_a_model_that_does_not_answer_is_told_by_its_code(
    organization: Organization, model: ModelServer, *, step: Fail | RefuseKey, code: str
) -> None:
    created = await create(organization.admin, base_url=model.openai_url, model_name="m")
    model.script(step)

    answer = await organization.admin.post(f"{CONFIGS}/{created['id']}/test")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["ok"], body["error"]["code"]) == (False, code)
    assert KEY[:8] not in answer.text


async def test_a_key_moved_in_from_another_organization_is_unreadable(
    organization: Organization, other_organization: Organization, store: Sessions
) -> None:
    ours = await create(organization.admin)
    theirs = await create(other_organization.admin, api_key="sk-canary-of-the-other-one")
    async with transaction(store, PLATFORM, actor=operator_actor()) as session:
        mine = await session.get_one(LlmConfig, LlmConfigId(ours["id"]))
        stolen = await session.get_one(LlmConfig, LlmConfigId(theirs["id"]))
        mine.sealed_key, mine.secret_id = stolen.sealed_key, stolen.secret_id

    answer = await organization.admin.post(f"{CONFIGS}/{ours['id']}/test")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "secret_unreadable"
    assert "sk-canary" not in answer.text


async def test_anybody_signed_in_lists_the_providers(organization: Organization) -> None:
    answer = await organization.member.get("/api/engine/providers")

    body = answer.json()
    assert answer.status_code == 200
    assert body["next"] is None
    assert [provider["id"] for provider in body["items"]] == [
        "openai",
        "anthropic",
        "google",
        "azure_openai",
        "openai_compatible",
        "offline",
    ]
    azure = body["items"][3]
    assert (azure["requires_base_url"], azure["requires_api_key"]) == (True, True)
    assert azure["default_model"] is None
    assert {option["name"] for option in azure["options"]} == {"api_version", "deployment"}
    assert all("langgraph" in provider["frameworks"] for provider in body["items"])
