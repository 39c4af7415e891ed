"""What people see and change of themselves: profile, password, sessions."""

import secrets

import httpx
import pytest

from tests.fixtures.clients import Client, Organization, log_in
from tests.fixtures.service import PASSWORD

NEW_PASSWORD = "another-pass-phrase-altogether"
USER_FIELDS = {
    "user_id", "username", "email", "display_name", "is_sys_admin", "is_disabled", "created_at",
}  # fmt: skip


async def name_of(client: Client) -> str:
    name: str = (await client.get("/api/me")).json()["username"]
    return name


def fields_of(answer: httpx.Response) -> list[str]:
    return [field["path"] for field in answer.json()["error"]["fields"]]


async def test_who_asks_is_told_who_they_are_and_no_hash(organization: Organization) -> None:
    answer = await organization.member.get("/api/me")

    assert answer.status_code == 200
    assert set(answer.json()) == USER_FIELDS
    assert answer.json()["user_id"] == organization.member_id
    assert answer.json()["is_sys_admin"] is False


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/me"),
        ("PATCH", "/api/me/profile"),
        ("GET", "/api/me/sessions"),
        ("DELETE", "/api/me/sessions/01JD0000000000000000000000"),
        ("GET", "/api/me/orgs"),
        ("GET", "/api/orgs"),
    ],
)
async def test_nobody_is_nobody(anonymous: Client, method: str, path: str) -> None:
    answer = await anonymous.request(method, path)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_signed_in"


async def test_a_name_and_an_address_are_set_kept_and_cleared(organization: Organization) -> None:
    member, mark = organization.member, secrets.token_hex(6)

    both = {"display_name": "  Ann O'Nym ", "email": f"Ann.{mark}@Example.org"}
    set_up = await member.patch("/api/me/profile", both)
    kept = await member.patch("/api/me/profile", {})
    cleared = await member.patch("/api/me/profile", {"email": None, "display_name": None})

    assert set_up.status_code == kept.status_code == cleared.status_code == 200
    assert set_up.json()["display_name"] == kept.json()["display_name"] == "Ann O'Nym"
    assert set_up.json()["email"] == kept.json()["email"] == f"ann.{mark}@example.org"
    assert cleared.json() == (await member.get("/api/me")).json()
    assert (cleared.json()["email"], cleared.json()["display_name"]) == (None, None)


async def test_somebody_elses_address_is_taken_whatever_its_case(
    organization: Organization,
) -> None:
    email = f"{secrets.token_hex(6)}@example.org"
    await organization.admin.patch("/api/me/profile", {"email": email})

    answer = await organization.member.patch("/api/me/profile", {"email": email.upper()})

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "email_taken"
    assert fields_of(answer) == ["email"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({"is_sys_admin": True}, "is_sys_admin", id="a role"),
        pytest.param({"is_disabled": False}, "is_disabled", id="a flag"),
        pytest.param({"username": "root2"}, "username", id="a username"),
        pytest.param({"password_hash": "x"}, "password_hash", id="a column"),
        pytest.param({"email": "nowhere"}, "email", id="no address"),
        pytest.param({"display_name": ""}, "display_name", id="an empty name"),
        pytest.param({"display_name": "a\u0000b"}, "display_name", id="NUL"),
        pytest.param({"display_name": "x" * 129}, "display_name", id="a long name"),
        pytest.param({"password": NEW_PASSWORD}, "current_password", id="no proof"),
    ],
)
async def test_what_nobody_may_set_of_themselves_is_refused_by_field(
    organization: Organization, body: dict[str, object], path: str
) -> None:
    before = (await organization.member.get("/api/me")).json()

    answer = await organization.member.patch("/api/me/profile", body)

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "validation_failed"
    assert fields_of(answer) == [path]
    assert NEW_PASSWORD not in answer.text
    assert (await organization.member.get("/api/me")).json() == before


async def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(
    organization: Organization, http: httpx.AsyncClient, anonymous: Client
) -> None:
    member = organization.member
    username = await name_of(member)
    other = Client(http, await log_in(http, username), organization.id)

    change = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    answer = await member.patch("/api/me/profile", change)

    assert answer.status_code == 200
    assert set(answer.json()) == USER_FIELDS
    assert (await member.get("/api/me")).status_code == 200
    assert (await other.get("/api/me")).status_code == 401
    old = await anonymous.post("/api/auth/login", {"username": username, "password": PASSWORD})
    assert old.status_code == 401
    assert await log_in(http, username, NEW_PASSWORD)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param(
            {"password": NEW_PASSWORD, "current_password": "not-my-password"},
            "current_password",
            id="wrong proof",
        ),
        pytest.param(
            {"password": "short", "current_password": PASSWORD}, "password", id="too short"
        ),
        pytest.param(
            {"password": "x" * 129, "current_password": PASSWORD}, "password", id="too long"
        ),
        pytest.param(
            {"password": "passwordpassword", "current_password": PASSWORD}, "password", id="common"
        ),
    ],
)
async def test_a_refused_new_password_changes_nothing(
    organization: Organization, http: httpx.AsyncClient, *, change: dict[str, str], path: str
) -> None:
    username = await name_of(organization.member)
    other = Client(http, await log_in(http, username), organization.id)

    answer = await organization.member.patch("/api/me/profile", {**change, "display_name": "X"})

    assert answer.status_code == 422
    assert fields_of(answer) == [path]
    assert change["password"] not in answer.text
    assert (await other.get("/api/me")).json()["display_name"] is None
    assert await log_in(http, username)


async def test_sessions_are_listed_and_ended_one_by_one(
    organization: Organization, http: httpx.AsyncClient
) -> None:
    member = organization.member
    other = Client(http, await log_in(http, await name_of(member)), organization.id)

    listed = (await member.get("/api/me/sessions")).json()
    assert set(listed) == {"items", "next"}
    assert len(listed["items"]) == 2
    for session in listed["items"]:
        assert set(session) == {
            "session_id", "created_at", "expires_at", "address", "is_current",
        }  # fmt: skip
        assert session["address"] == "127.0.0.1"
    (not_here,) = [each for each in listed["items"] if not each["is_current"]]

    path = f"/api/me/sessions/{not_here['session_id']}"
    assert (await member.delete(path)).status_code == 204
    assert (await other.get("/api/me")).status_code == 401
    assert (await member.delete(path)).status_code == 404
    assert len((await member.get("/api/me/sessions")).json()["items"]) == 1


async def test_the_session_that_asks_can_end_itself(organization: Organization) -> None:
    (here,) = (await organization.member.get("/api/me/sessions")).json()["items"]

    answer = await organization.member.delete(f"/api/me/sessions/{here['session_id']}")

    assert answer.status_code == 204
    assert (await organization.member.get("/api/me")).status_code == 401


async def test_somebody_elses_session_answers_like_an_unknown_one(
    organization: Organization,
) -> None:
    (theirs,) = (await organization.admin.get("/api/me/sessions")).json()["items"]

    answers = [
        await organization.member.delete(f"/api/me/sessions/{session_id}")
        for session_id in (theirs["session_id"], "01JD0000000000000000000000", "%00")
    ]

    assert [answer.status_code for answer in answers] == [404] * 3
    errors = [answer.json()["error"] for answer in answers]
    assert {(error["code"], error["message"]) for error in errors} == {
        ("not_found", "There is nothing here by that id.")
    }
    assert (await organization.admin.get("/api/me")).status_code == 200
