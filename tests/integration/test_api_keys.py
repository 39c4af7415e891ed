"""Service keys: made once, used by programs, limited, expiring, revoked."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select, update

from cadence.infra.database.tables import ApiKey
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot
from tests.fixtures.service import Service
from tests.fixtures.store_contents import run_in_store


async def make_key(admin: Client, **fields: object) -> dict[str, object]:
    made = await admin.post("{org}/api-keys", {"name": "ci", **fields})
    assert made.status_code == 201, made.text
    shown: dict[str, object] = made.json()
    return shown


def program(
    organization: Organization, http: httpx.AsyncClient, shown: dict[str, object]
) -> Client:
    return Client(http, str(shown["key"]), organization.id)


@pytest.fixture
async def key(organization: Organization) -> dict[str, object]:
    return await make_key(organization.admin)


@pytest.fixture
async def robot(
    organization: Organization, http: httpx.AsyncClient, key: dict[str, object]
) -> Client:
    return program(organization, http, key)


async def test_a_key_is_shown_once_and_stored_as_a_hash(
    organization: Organization, service: Service, key: dict[str, object]
) -> None:
    text = str(key["key"])
    assert re.fullmatch(r"cadence_sk_[A-Za-z0-9_-]{43}", text)
    assert key["key_hint"] == text[-4:]

    listed = await organization.admin.get("{org}/api-keys")

    assert [item["id"] for item in listed.json()["items"]] == [key["id"]]
    assert text not in listed.text
    stored = await run_in_store(
        service.settings, select(ApiKey.key_hash).where(ApiKey.key_hint == text[-4:])
    )
    assert stored == [(hashlib.sha256(text.encode()).hexdigest(),)]


async def test_a_key_expires_after_ninety_days_unless_said_otherwise(
    organization: Organization, key: dict[str, object]
) -> None:
    def lifetime(shown: dict[str, object]) -> timedelta:
        began, ends = (
            datetime.fromisoformat(str(shown[field])) for field in ("created_at", "expires_at")
        )
        return ends - began

    assert lifetime(key) == timedelta(days=90)
    assert lifetime(await make_key(organization.admin, expires_in_days=1)) == timedelta(days=1)


async def test_an_expired_key_is_refused(service: Service, robot: Client) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)  # noqa: TID251  # the store's own
    await run_in_store(
        service.settings, update(ApiKey).where(ApiKey.name == "ci").values(expires_at=past)
    )

    assert (await robot.get("{org}/orchestrators")).status_code == 401


async def test_a_key_may_what_its_role_may(
    organization: Organization, http: httpx.AsyncClient, robot: Client
) -> None:
    as_admin = program(organization, http, await make_key(organization.admin, role="org_admin"))
    body = {"name": "m", "provider": "openai", "api_key": "sk-of-a-test-0123456789"}

    assert (await robot.get("{org}/llm-configs")).status_code == 200
    assert (await robot.post("{org}/llm-configs", body)).status_code == 403
    assert (await as_admin.post("{org}/llm-configs", body)).status_code == 201


async def test_a_key_opens_no_other_organization(
    organization: Organization, other_organization: Organization, http: httpx.AsyncClient
) -> None:
    robot = program(organization, http, await make_key(organization.admin, role="org_admin"))

    foreign = await robot.elsewhere(other_organization.id).get("{org}/orchestrators")
    unknown = await robot.elsewhere("0190b2c0-0000-7000-8000-000000000000").get(
        "{org}/orchestrators"
    )

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["error"]["message"] == unknown.json()["error"]["message"]


async def test_a_key_sees_only_its_organization_in_the_list(
    organization: Organization, robot: Client
) -> None:
    listed = (await robot.get("/api/orgs")).json()

    assert [(item["org_id"], item["role"]) for item in listed] == [(organization.id, "user")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/me"),
        ("PATCH", "/api/me/profile"),
        ("GET", "/api/me/sessions"),
        ("GET", "/api/me/orgs"),
        ("DELETE", "/api/auth/logout"),
        ("GET", "/api/admin/orgs"),
        ("GET", "{org}/api-keys"),
        ("POST", "{org}/api-keys"),
    ],
)
async def test_what_is_a_persons_own_is_refused_to_keys(
    organization: Organization, http: httpx.AsyncClient, *, method: str, path: str
) -> None:
    robot = program(organization, http, await make_key(organization.admin, role="org_admin"))

    answer = await robot.request(method, path, json={"name": "x"} if method != "GET" else None)

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "persons_only"


async def test_a_revoked_key_is_refused_on_the_next_request(
    organization: Organization, robot: Client, key: dict[str, object]
) -> None:
    assert (await robot.get("{org}/orchestrators")).status_code == 200

    assert (await organization.admin.delete(f"{{org}}/api-keys/{key['id']}")).status_code == 204

    assert (await robot.get("{org}/orchestrators")).status_code == 401
    assert (await organization.admin.get("{org}/api-keys")).json()["items"] == []
    assert (await organization.admin.delete(f"{{org}}/api-keys/{key['id']}")).status_code == 404


async def test_the_last_use_is_shown(
    organization: Organization, robot: Client, key: dict[str, object]
) -> None:
    assert key["last_used_at"] is None

    await robot.get("{org}/orchestrators")

    (shown,) = (await organization.admin.get("{org}/api-keys")).json()["items"]
    assert shown["last_used_at"] >= shown["created_at"]


async def test_a_key_has_conversations_of_its_own(
    organization: Organization, model: ModelServer, *, bot: Bot, robot: Client
) -> None:
    model.script(Say("x"), Say("It is 42."))
    body = {"instance_id": bot.id, "message": "What is 6 times 7?"}
    asked = await robot.post("{org}/completion/chat", body)
    assert asked.status_code == 200, asked.text
    conversation = asked.json()["conversation_id"]

    assert (await robot.get(f"{{org}}/conversations/{conversation}/messages")).status_code == 200
    for person in (organization.admin, organization.member):
        seen = await person.get(f"{{org}}/conversations/{conversation}")
        assert seen.status_code == 404
    run = asked.json()["run_id"]
    assert (await bot.member.get(f"{{org}}/runs/{run}/events")).status_code == 404
    forked = await robot.post(
        f"{{org}}/conversations/{conversation}/fork",
        {
            "message_id": (
                await robot.get(f"{{org}}/conversations/{conversation}/messages")
            ).json()["items"][0]["id"]
        },
    )
    assert forked.status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x", "role": "sys_admin"}, "role"),
        ({"name": "x", "expires_in_days": 0}, "expires_in_days"),
        ({"name": "x", "expires_in_days": 366}, "expires_in_days"),
        ({"name": "x", "key": "cadence_sk_chosen"}, "key"),
    ],
)
async def test_a_bad_wish_is_refused_by_its_field(
    organization: Organization, body: dict[str, object], *, field: str
) -> None:
    answer = await organization.admin.post("{org}/api-keys", body)

    assert answer.status_code == 422
    assert [problem["path"] for problem in answer.json()["error"]["fields"]] == [field]


async def test_only_admins_keep_keys(
    organization: Organization, other_organization: Organization, key: dict[str, object]
) -> None:
    member, outsider = organization.member, other_organization.admin.elsewhere(organization.id)

    assert (await member.get("{org}/api-keys")).status_code == 403
    assert (await member.post("{org}/api-keys", {"name": "x"})).status_code == 403
    assert (await outsider.get("{org}/api-keys")).status_code == 404
    assert (
        await other_organization.admin.delete(f"{{org}}/api-keys/{key['id']}")
    ).status_code == 404


async def test_an_organization_has_at_most_a_hundred_keys_in_force(
    organization: Organization,
) -> None:
    for _ in range(100):
        await make_key(organization.admin)

    refused = await organization.admin.post("{org}/api-keys", {"name": "one more"})

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "too_many_api_keys"


@pytest.mark.parametrize(
    "token", ["cadence_sk_", "cadence_sk_" + "A" * 43, "cadence_sk_" + "é" * 9]
)
async def test_a_made_up_key_is_refused(
    organization: Organization, http: httpx.AsyncClient, token: str
) -> None:
    answer = await http.get(
        f"/api/orgs/{organization.id}/orchestrators",
        headers={b"Authorization": f"Bearer {token}".encode()},
    )

    assert answer.status_code == 401
