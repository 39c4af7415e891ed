"""Accounts, as a sys_admin keeps them."""

import asyncio
import secrets
from typing import Any

import httpx
import pytest

from tests.fixtures.clients import Client, Organization, log_in
from tests.fixtures.service import PASSWORD, SYS_ADMIN

USERS = "/api/admin/users"
UNKNOWN = "01900000-0000-7000-8000-000000000000"


async def create(sys_admin: Client, **fields: object) -> dict[str, Any]:
    body = {"username": f"user-{secrets.token_hex(6)}", "password": PASSWORD, **fields}
    answer = await sys_admin.post(USERS, body)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def everybody(sys_admin: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = (await sys_admin.get(USERS, params={"limit": 200, **after})).json()
        found += page["items"]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


def fields_of(answer: httpx.Response) -> list[str]:
    return [field["path"] for field in answer.json()["error"]["fields"]]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", USERS), ("GET", USERS), ("PATCH", f"{USERS}/x"), ("DELETE", f"{USERS}/x")],
)
async def test_accounts_are_for_sys_admins(
    organization: Organization, anonymous: Client, *, method: str, path: str
) -> None:
    assert (await anonymous.request(method, path)).status_code == 401
    for client in (organization.member, organization.admin):
        answer = await client.request(method, path)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "not_allowed"


async def test_a_made_up_password_is_shown_once_and_works(
    sys_admin: Client, http: httpx.AsyncClient
) -> None:
    name = f"Made.Up-{secrets.token_hex(6)}"
    answer = await sys_admin.post(USERS, {"username": name, "email": f"{name}@Example.org"})

    assert answer.status_code == 201
    created = answer.json()
    assert created["username"] == name.lower()
    assert created["email"] == f"{name}@example.org".lower()
    assert len(created["password"]) == 24
    assert await log_in(http, name, created["password"])
    (listed,) = [each for each in await everybody(sys_admin) if each["username"] == name.lower()]
    assert listed == {key: value for key, value in created.items() if key != "password"}


async def test_a_given_password_works_and_is_not_repeated(
    sys_admin: Client, http: httpx.AsyncClient
) -> None:
    created = await create(sys_admin)

    assert created["password"] is None
    assert PASSWORD not in str(created)
    assert await log_in(http, created["username"])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({}, "username", id="nothing"),
        pytest.param({"username": "a b c"}, "username", id="a space"),
        pytest.param({"username": "good.name", "password": "short"}, "password", id="too short"),
        pytest.param(
            {"username": "same.as.name.1", "password": "Same.As.Name.1"},
            "password",
            id="the name as password",
        ),
        pytest.param({"username": "good.name", "email": "x"}, "email", id="no address"),
        pytest.param({"username": "good.name", "is_sys_admin": True}, "is_sys_admin", id="a role"),
        pytest.param(
            {"username": "good.name", "user_id": UNKNOWN}, "user_id", id="an id of one's own"
        ),
    ],
)
async def test_a_user_who_cannot_be_is_refused_by_field(
    sys_admin: Client, body: dict[str, object], path: str
) -> None:
    answer = await sys_admin.post(USERS, body)

    assert answer.status_code == 422
    assert fields_of(answer) == [path]


async def test_two_cannot_have_one_name_or_one_address(sys_admin: Client) -> None:
    email = f"{secrets.token_hex(6)}@example.org"
    first = await create(sys_admin, email=email)

    name = await sys_admin.post(USERS, {"username": first["username"].upper()})
    address = await sys_admin.post(
        USERS, {"username": f"user-{secrets.token_hex(6)}", "email": email.upper()}
    )

    assert (name.status_code, name.json()["error"]["code"]) == (409, "username_taken")
    assert (address.status_code, address.json()["error"]["code"]) == (409, "email_taken")


async def test_one_name_asked_for_ten_times_at_once_is_given_once(sys_admin: Client) -> None:
    body = {"username": f"rush-{secrets.token_hex(6)}", "password": PASSWORD}

    answers = await asyncio.gather(*(sys_admin.post(USERS, body) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


async def test_a_disabled_user_is_out_at_once_and_stays_out_until_enabled(
    sys_admin: Client, http: httpx.AsyncClient, anonymous: Client
) -> None:
    created = await create(sys_admin)
    login = {"username": created["username"], "password": PASSWORD}
    person = Client(http, await log_in(http, created["username"]), "none")
    path = f"{USERS}/{created['user_id']}"

    disabled = await sys_admin.patch(path, {"is_disabled": True})

    assert (disabled.status_code, disabled.json()["is_disabled"]) == (200, True)
    assert (await person.get("/api/me")).status_code == 401
    assert (await anonymous.post("/api/auth/login", login)).status_code == 401
    await sys_admin.patch(path, {"is_disabled": False})
    assert (await person.get("/api/me")).status_code == 401, "an ended session stays ended"
    assert (await anonymous.post("/api/auth/login", login)).status_code == 200


async def test_a_reset_password_ends_every_session(
    sys_admin: Client, http: httpx.AsyncClient, anonymous: Client
) -> None:
    created = await create(sys_admin)
    person = Client(http, await log_in(http, created["username"]), "none")
    renewed = secrets.token_urlsafe(16)

    answer = await sys_admin.patch(f"{USERS}/{created['user_id']}", {"password": renewed})

    assert answer.status_code == 200
    assert renewed not in answer.text
    assert (await person.get("/api/me")).status_code == 401
    old = {"username": created["username"], "password": PASSWORD}
    assert (await anonymous.post("/api/auth/login", old)).status_code == 401
    assert await log_in(http, created["username"], renewed)


async def test_becoming_and_ceasing_to_be_a_sys_admin_counts_on_the_next_request(
    sys_admin: Client, http: httpx.AsyncClient
) -> None:
    created = await create(sys_admin)
    person = Client(http, await log_in(http, created["username"]), "none")
    path = f"{USERS}/{created['user_id']}"
    assert (await person.get(USERS)).status_code == 403

    await sys_admin.patch(path, {"is_sys_admin": True})
    promoted = await person.get(USERS)
    await sys_admin.patch(path, {"is_sys_admin": False})
    demoted = await person.get(USERS)

    assert (promoted.status_code, demoted.status_code) == (200, 403)


async def test_the_last_sys_admin_can_not_be_demoted_disabled_or_removed(
    sys_admin: Client,
) -> None:
    able = [
        user
        for user in await everybody(sys_admin)
        if user["is_sys_admin"] and not user["is_disabled"]
    ]
    # Otherwise the calls below would succeed, and every later test of this worker fail.
    assert [user["username"] for user in able] == [SYS_ADMIN]
    path = f"{USERS}/{able[0]['user_id']}"

    answers = [
        await sys_admin.patch(path, {"is_sys_admin": False}),
        await sys_admin.patch(path, {"is_disabled": True}),
        await sys_admin.delete(path),
    ]

    codes = [(answer.status_code, answer.json()["error"]["code"]) for answer in answers]
    assert codes == [(409, "last_sys_admin")] * 3
    assert (await sys_admin.get("/api/me")).json() == able[0]


@pytest.mark.parametrize("user", [UNKNOWN, "x", "7", "%00"])
async def test_whoever_does_not_exist_is_not_found(sys_admin: Client, user: str) -> None:
    changed = await sys_admin.patch(f"{USERS}/{user}", {"is_disabled": True})
    removed = await sys_admin.delete(f"{USERS}/{user}")

    for answer in (changed, removed):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_a_removed_user_is_gone_with_their_memberships(
    sys_admin: Client, organization: Organization
) -> None:
    path = f"{USERS}/{organization.member_id}"

    assert (await sys_admin.delete(path)).status_code == 204

    assert (await organization.member.get("/api/me")).status_code == 401
    members = (await organization.admin.get("{org}/members")).json()["items"]
    assert [member["user_id"] for member in members] == [organization.admin_id]
    assert (await sys_admin.delete(path)).status_code == 404


@pytest.mark.parametrize("body", [{"username": "x"}, {"id": UNKNOWN}, {"is_disabled": "yes"}])
async def test_what_a_sys_admin_may_not_change_is_refused_by_field(
    sys_admin: Client, organization: Organization, body: dict[str, object]
) -> None:
    answer = await sys_admin.patch(f"{USERS}/{organization.member_id}", body)

    assert answer.status_code == 422
    assert fields_of(answer) == list(body)


async def test_users_are_listed_in_pages(sys_admin: Client, organization: Organization) -> None:
    assert organization.member_id

    first = (await sys_admin.get(USERS, params={"limit": 1})).json()
    second = (await sys_admin.get(USERS, params={"limit": 1, "after": first["next"]})).json()

    assert len(first["items"]) == len(second["items"]) == 1
    assert first["items"][0]["user_id"] < second["items"][0]["user_id"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"after": "!"}, {"after": "Nw"}])
async def test_a_page_that_is_none_is_refused(
    sys_admin: Client, query: dict[str, str | int]
) -> None:
    answer = await sys_admin.get(USERS, params=query)

    assert answer.status_code == 422
    assert fields_of(answer) == list(query)
