"""Logging in, logging out, and what a token is good for."""

import pytest

from tests.fixtures.clients import Client, Organization
from tests.fixtures.service import PASSWORD, SYS_ADMIN


async def test_logging_in_gives_a_token_that_tells_who_one_is(sys_admin: Client) -> None:
    answer = await sys_admin.get("/api/me")

    assert answer.status_code == 200
    assert answer.json()["username"] == SYS_ADMIN


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param(SYS_ADMIN, "not-the-password", id="wrong password"),
        pytest.param("nobody-here", PASSWORD, id="unknown user"),
    ],
)
async def test_a_refused_login_does_not_say_why(
    anonymous: Client, username: str, password: str
) -> None:
    body = {"username": username, "password": password}

    answer = await anonymous.post("/api/auth/login", body)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "wrong_credentials"
    assert password not in answer.text


async def test_logging_out_ends_the_session_at_once(organization: Organization) -> None:
    assert (await organization.member.delete("/api/auth/logout")).status_code == 204

    answer = await organization.member.get("/api/me")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_signed_in"


@pytest.mark.parametrize("token", ["x", "garbage", "a.b.c", "x" * 5000])
async def test_a_bad_token_is_refused_politely(anonymous: Client, token: str) -> None:
    answer = await anonymous.get("/api/me", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401


async def test_a_foreign_organization_answers_like_an_unknown_one(
    organization: Organization, other_organization: Organization
) -> None:
    outsider = other_organization.admin

    foreign = await outsider.elsewhere(organization.id).get("{org}/orchestrators")
    unknown = await outsider.elsewhere("01900000-0000-7000-8000-000000000000").get(
        "{org}/orchestrators"
    )
    malformed = await outsider.elsewhere("not-an-id").get("{org}/orchestrators")

    answers = [foreign, unknown, malformed]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    bodies = [answer.json()["error"] for answer in answers]
    assert len({(body["code"], body["message"]) for body in bodies}) == 1
