"""Organizations, as a sys_admin keeps them and as people find them."""

import asyncio
import secrets
from typing import Any

import httpx
import pytest

from tests.fixtures.clients import Client, Organization, log_in
from tests.fixtures.service import PASSWORD

ORGS = "/api/admin/orgs"
LOGIN_OF_NOBODY = {"username": "nobody.yet", "password": PASSWORD}
UNKNOWN = "01900000-0000-7000-8000-000000000000"
ADMIN_CALLS = [
    ("POST", ORGS),
    ("GET", ORGS),
    ("GET", f"{ORGS}/x"),
    ("PATCH", f"{ORGS}/x"),
    ("DELETE", f"{ORGS}/x"),
    ("POST", f"{ORGS}/x/users"),
]


def a_name() -> str:
    return f"Made up {secrets.token_hex(6)}"


async def create(sys_admin: Client) -> dict[str, Any]:
    answer = await sys_admin.post(ORGS, {"name": a_name()})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(("method", "path"), ADMIN_CALLS)
async def test_all_organizations_are_for_sys_admins(
    organization: Organization, anonymous: Client, *, method: str, path: str
) -> None:
    own = path.replace("/x", f"/{organization.id}")

    assert problem(await anonymous.request(method, own)) == (401, "not_signed_in")
    for client in (organization.member, organization.admin):
        assert problem(await client.request(method, own)) == (403, "not_allowed")


async def test_a_new_organization_is_active_and_can_be_found_again(sys_admin: Client) -> None:
    name = a_name()

    answer = await sys_admin.post(ORGS, {"name": f"  {name} "})

    assert answer.status_code == 201
    created = answer.json()
    assert set(created) == {"org_id", "name", "status", "created_at"}
    assert (created["name"], created["status"]) == (name, "active")
    assert (await sys_admin.get(f"{ORGS}/{created['org_id']}")).json() == created


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({}, "name", id="nothing"),
        pytest.param({"name": "  "}, "name", id="blank"),
        pytest.param({"name": "x" * 129}, "name", id="too long"),
        pytest.param({"name": "a\nb"}, "name", id="two lines"),
        pytest.param({"name": "good", "status": "suspended"}, "status", id="a status"),
        pytest.param({"name": "good", "org_id": UNKNOWN}, "org_id", id="an id of one's own"),
    ],
)
async def test_an_organization_that_cannot_be_is_refused_by_field(
    sys_admin: Client, body: dict[str, object], path: str
) -> None:
    answer = await sys_admin.post(ORGS, body)

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == [path]


async def test_one_name_asked_for_ten_times_at_once_is_given_once(sys_admin: Client) -> None:
    body = {"name": a_name()}

    answers = await asyncio.gather(*(sys_admin.post(ORGS, body) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert problem(refused) == (409, "organization_name_taken")


async def test_organizations_are_listed_in_pages(sys_admin: Client) -> None:
    for _ in range(2):
        await create(sys_admin)

    first = (await sys_admin.get(ORGS, params={"limit": 1})).json()
    second = (await sys_admin.get(ORGS, params={"limit": 1, "after": first["next"]})).json()

    assert len(first["items"]) == len(second["items"]) == 1
    assert first["items"][0]["org_id"] < second["items"][0]["org_id"]


async def test_an_organization_is_renamed_but_not_to_anothers_name(sys_admin: Client) -> None:
    ours, theirs, name = await create(sys_admin), await create(sys_admin), a_name()
    path = f"{ORGS}/{ours['org_id']}"

    renamed = await sys_admin.patch(path, {"name": name})
    refused = await sys_admin.patch(path, {"name": theirs["name"]})

    assert renamed.json() == {**ours, "name": name}
    assert problem(refused) == (409, "organization_name_taken")
    assert (await sys_admin.get(path)).json()["name"] == name


@pytest.mark.parametrize("body", [{"status": "closed"}, {"org_id": UNKNOWN}, {"created_at": 1}])
async def test_what_cannot_be_changed_is_refused_by_field(
    sys_admin: Client, body: dict[str, object]
) -> None:
    ours = await create(sys_admin)

    answer = await sys_admin.patch(f"{ORGS}/{ours['org_id']}", body)

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == list(body)


async def test_a_suspended_organization_is_closed_at_once_but_not_to_sys_admins(
    sys_admin: Client, organization: Organization
) -> None:
    path = f"{ORGS}/{organization.id}"

    suspended = await sys_admin.patch(path, {"status": "suspended"})

    assert suspended.json()["status"] == "suspended"
    refused = await organization.admin.get("{org}/members")
    assert problem(refused) == (403, "organization_suspended")
    assert (await sys_admin.elsewhere(organization.id).get("{org}/members")).status_code == 200
    await sys_admin.patch(path, {"status": "active"})
    assert (await organization.admin.get("{org}/members")).status_code == 200


async def test_a_removed_organization_is_gone_for_everybody(
    sys_admin: Client, organization: Organization
) -> None:
    path = f"{ORGS}/{organization.id}"

    assert (await sys_admin.delete(path)).status_code == 204

    assert problem(await sys_admin.get(path)) == (404, "not_found")
    assert problem(await organization.admin.get("{org}/members")) == (404, "not_found")
    assert (await organization.member.get("/api/me/orgs")).json()["items"] == []
    assert (await organization.member.get("/api/me")).status_code == 200


@pytest.mark.parametrize("org", [UNKNOWN, "x", "7", "%00"])
async def test_what_does_not_exist_is_not_found(sys_admin: Client, org: str) -> None:
    path = f"{ORGS}/{org}"

    answers = [
        await sys_admin.get(path),
        await sys_admin.patch(path, {"name": a_name()}),
        await sys_admin.delete(path),
        await sys_admin.post(f"{path}/users", LOGIN_OF_NOBODY),
    ]

    assert [problem(answer) for answer in answers] == [(404, "not_found")] * 4
    assert (await sys_admin.post("/api/auth/login", LOGIN_OF_NOBODY)).status_code == 401


async def test_people_find_their_own_organizations_and_their_role_in_each(
    organization: Organization, other_organization: Organization
) -> None:
    # One user, two organizations, a role in each.
    added = await other_organization.admin.post("{org}/members", {"user_id": organization.admin_id})
    assert added.status_code == 201

    listed = (await organization.admin.get("/api/orgs")).json()
    page = (await organization.admin.get("/api/me/orgs")).json()
    first = (await organization.admin.get("/api/me/orgs", params={"limit": 1})).json()

    roles = {each["org_id"]: each["role"] for each in listed}
    assert roles == {organization.id: "org_admin", other_organization.id: "user"}
    assert set(listed[0]) == {"org_id", "name", "status", "created_at", "role"}
    assert sorted(page["items"], key=str) == sorted(listed, key=str)
    assert page["next"] is None
    assert len(first["items"]) == 1
    assert first["next"] is not None


async def test_a_sys_admin_finds_all_organizations_but_only_own_memberships(
    sys_admin: Client, organization: Organization, other_organization: Organization
) -> None:
    listed = (await sys_admin.get("/api/orgs")).json()
    own = (await sys_admin.get("/api/me/orgs")).json()

    found = {each["org_id"]: each["role"] for each in listed}
    assert found[organization.id] == found[other_organization.id] == "sys_admin"
    assert own == {"items": [], "next": None}


async def test_a_new_user_can_belong_from_the_start(
    sys_admin: Client, organization: Organization, http: httpx.AsyncClient
) -> None:
    name = f"joins-{secrets.token_hex(6)}"

    answer = await sys_admin.post(
        f"{ORGS}/{organization.id}/users", {"username": name, "is_admin": True}
    )

    assert answer.status_code == 201
    created = answer.json()
    assert len(created["password"]) == 24
    token = await log_in(http, name, created["password"])
    (found,) = (await Client(http, token, organization.id).get("/api/orgs")).json()
    assert (found["org_id"], found["role"]) == (organization.id, "org_admin")


async def test_a_new_user_who_is_refused_does_not_belong(
    sys_admin: Client, organization: Organization
) -> None:
    path, before = f"{ORGS}/{organization.id}/users", await organization.admin.get("{org}/members")
    taken = (await organization.member.get("/api/me")).json()["username"]

    conflict = await sys_admin.post(path, {"username": taken})
    weak = await sys_admin.post(path, {"username": "good.name", "password": "short"})

    assert problem(conflict) == (409, "username_taken")
    assert problem(weak) == (422, "validation_failed")
    assert (await organization.admin.get("{org}/members")).json() == before.json()
