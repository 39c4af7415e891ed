"""Who belongs to an organization: let in, promoted, demoted, put out."""

import asyncio

import httpx
import pytest

from tests.fixtures.clients import Client, Organization

UNKNOWN = "01900000-0000-7000-8000-000000000000"
CALLS = [
    ("GET", "{org}/members"),
    ("POST", "{org}/members"),
    ("PATCH", f"{{org}}/users/{UNKNOWN}/membership"),
    ("DELETE", f"{{org}}/users/{UNKNOWN}"),
]
MEMBER_FIELDS = {
    "user_id", "username", "email", "display_name", "is_admin", "is_disabled", "joined_at",
}  # fmt: skip


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_members_are_the_business_of_the_organizations_admins(
    organization: Organization, anonymous: Client, *, method: str, path: str
) -> None:
    stranger = anonymous.elsewhere(organization.id)

    assert problem(await stranger.request(method, path)) == (401, "not_signed_in")
    assert problem(await organization.member.request(method, path)) == (403, "not_allowed")


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_an_outsider_finds_nothing(
    organization: Organization, other_organization: Organization, *, method: str, path: str
) -> None:
    outsider = other_organization.admin

    answers = [
        await outsider.elsewhere(place).request(method, path)
        for place in (organization.id, UNKNOWN, "x", "%00")
    ]

    assert [problem(answer) for answer in answers] == [(404, "not_found")] * 4
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1


async def test_members_are_listed_in_pages(organization: Organization) -> None:
    whole = (await organization.admin.get("{org}/members")).json()
    first = (await organization.admin.get("{org}/members", params={"limit": 1})).json()
    second = (
        await organization.admin.get("{org}/members", params={"limit": 1, "after": first["next"]})
    ).json()

    roles = {member["user_id"]: member["is_admin"] for member in whole["items"]}
    assert roles == {organization.admin_id: True, organization.member_id: False}
    assert set(whole["items"][0]) == MEMBER_FIELDS
    assert first["items"] + second["items"] == whole["items"]
    assert second["next"] is None


async def test_a_user_is_let_in_once(
    organization: Organization, other_organization: Organization
) -> None:
    wanted = {"user_id": other_organization.member_id}
    theirs = other_organization.member.elsewhere(organization.id)
    assert (await theirs.get("{org}/orchestrators")).status_code == 404

    added = await organization.admin.post("{org}/members", wanted)
    again = await organization.admin.post("{org}/members", wanted)

    assert added.status_code == 201
    assert set(added.json()) == MEMBER_FIELDS
    assert (added.json()["user_id"], added.json()["is_admin"]) == (wanted["user_id"], False)
    assert (await theirs.get("{org}/orchestrators")).status_code == 200
    assert problem(again) == (409, "already_member")


async def test_asking_five_times_at_once_lets_a_user_in_once(
    organization: Organization, other_organization: Organization
) -> None:
    wanted = {"user_id": other_organization.member_id}

    asked = (organization.admin.post("{org}/members", wanted) for _ in range(5))
    answers = await asyncio.gather(*asked)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({}, "user_id", id="nothing"),
        pytest.param({"user_id": UNKNOWN}, "user_id", id="nobody"),
        pytest.param({"user_id": "x"}, "user_id", id="no id"),
        pytest.param({"user_id": UNKNOWN, "is_admin": "yes"}, "is_admin", id="no flag"),
        pytest.param(
            {"user_id": UNKNOWN, "organization_id": UNKNOWN}, "organization_id", id="more"
        ),
    ],
)
async def test_whoever_cannot_be_let_in_is_refused_by_field(
    organization: Organization, body: dict[str, object], path: str
) -> None:
    answer = await organization.admin.post("{org}/members", body)

    assert problem(answer) == (422, "validation_failed")
    assert [field["path"] for field in answer.json()["error"]["fields"]] == [path]


async def test_a_role_counts_from_the_next_request_on(organization: Organization) -> None:
    path = f"{{org}}/users/{organization.member_id}/membership"

    promoted = await organization.admin.patch(path, {"is_admin": True})
    assert (promoted.status_code, promoted.json()["is_admin"]) == (200, True)
    assert (await organization.member.get("{org}/members")).status_code == 200

    demoted = await organization.admin.patch(path, {"is_admin": False})
    assert (demoted.status_code, demoted.json()["is_admin"]) == (200, False)
    assert (await organization.member.get("{org}/members")).status_code == 403


async def test_a_member_who_is_put_out_is_out_at_once(organization: Organization) -> None:
    path = f"{{org}}/users/{organization.member_id}"

    assert (await organization.admin.delete(path)).status_code == 204

    assert problem(await organization.member.get("{org}/orchestrators")) == (404, "not_found")
    assert (await organization.member.get("/api/me")).status_code == 200
    assert problem(await organization.admin.delete(path)) == (404, "not_found")


async def test_the_last_admin_stays_until_there_is_another_one(
    sys_admin: Client, organization: Organization
) -> None:
    path = f"{{org}}/users/{organization.admin_id}"
    for client in (organization.admin, sys_admin.elsewhere(organization.id)):
        assert problem(await client.delete(path)) == (409, "last_admin")
        demoted = await client.patch(f"{path}/membership", {"is_admin": False})
        assert problem(demoted) == (409, "last_admin")
    same = await organization.admin.patch(f"{path}/membership", {"is_admin": True})
    assert same.status_code == 200

    await organization.admin.patch(
        f"{{org}}/users/{organization.member_id}/membership", {"is_admin": True}
    )
    assert (await organization.admin.delete(path)).status_code == 204


async def test_two_admins_who_demote_each_other_at_once_leave_one(
    organization: Organization,
) -> None:
    def membership(user_id: str) -> str:
        return f"{{org}}/users/{user_id}/membership"

    await organization.admin.patch(membership(organization.member_id), {"is_admin": True})

    answers = await asyncio.gather(
        organization.admin.patch(membership(organization.member_id), {"is_admin": False}),
        organization.member.patch(membership(organization.admin_id), {"is_admin": False}),
    )

    # The slower one is refused: as the last admin, or as an admin no more.
    first, second = sorted(answer.status_code for answer in answers)
    assert first == 200
    assert second in {403, 409}


@pytest.mark.parametrize("user", [UNKNOWN, "x", "%00"])
async def test_whoever_does_not_belong_is_not_found(
    organization: Organization, other_organization: Organization, user: str
) -> None:
    for path in (f"{{org}}/users/{user}", f"{{org}}/users/{other_organization.member_id}"):
        changed = await organization.admin.patch(f"{path}/membership", {"is_admin": True})
        removed = await organization.admin.delete(path)
        assert [problem(changed), problem(removed)] == [(404, "not_found")] * 2

    theirs = (await other_organization.admin.get("{org}/members")).json()["items"]
    assert [member["is_admin"] for member in theirs] == [True, False]


@pytest.mark.parametrize("body", [{}, {"is_admin": None}, {"is_admin": 1}, {"role": "org_admin"}])
async def test_a_role_that_is_none_is_refused(
    organization: Organization, body: dict[str, object]
) -> None:
    path = f"{{org}}/users/{organization.member_id}/membership"

    answer = await organization.admin.patch(path, body)

    assert problem(answer) == (422, "validation_failed")
