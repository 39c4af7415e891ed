"""What somebody may no longer do is refused on the very next request, in every process: T20.

Each token is used on both processes right before, so that both know it by heart; then something is
changed through one of them, and the next request goes to the other.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.fixtures.clients import Client, Organization, create_organization, log_in, open_http
from tests.fixtures.cluster import Cluster, open_cluster
from tests.fixtures.service import PASSWORD, SYS_ADMIN

# With `--dist loadgroup` one worker starts the processes for all of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

NEW_PASSWORD = "another-horse-another-staple"
ORCHESTRATORS = "{org}/orchestrators"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The people of one organization, and what acts in one process at a time."""

    root: Client
    organization: Organization
    member_name: str
    key: Client
    key_id: str

    @property
    def admin(self) -> Client:
        return self.organization.admin

    @property
    def member(self) -> Client:
        return self.organization.member


Act = Callable[[Cast, httpx.AsyncClient], Awaitable[httpx.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A change that `act` makes through a process, and what becomes of somebody's request."""

    act: Act
    whose: Callable[[Cast], Client]
    path: str
    refused: int


def _through(http: httpx.AsyncClient, client: Client) -> Client:
    return Client(http, client.token, client.organization_id)


def _root(method: str, path: str, **body: object) -> Act:
    """Return what a sys_admin does; `path` names the organization, or its member or admin."""

    async def act(cast: Cast, http: httpx.AsyncClient) -> httpx.Response:
        place = path.format(
            org=cast.organization.id,
            member=cast.organization.member_id,
            admin=cast.organization.admin_id,
        )
        return await _through(http, cast.root).request(method, place, json=body or None)

    return act


def _admin(method: str, path: str, **body: object) -> Act:
    """Return what the organization's admin does."""

    async def act(cast: Cast, http: httpx.AsyncClient) -> httpx.Response:
        place = path.format(
            org="{org}",
            member=cast.organization.member_id,
            key=cast.key_id,
        )
        return await _through(http, cast.admin).request(method, place, json=body or None)

    return act


async def _log_out(cast: Cast, http: httpx.AsyncClient) -> httpx.Response:
    return await _through(http, cast.member).delete("/api/auth/logout")


async def _end_that_session(cast: Cast, http: httpx.AsyncClient) -> httpx.Response:
    elsewhere = Client(http, await log_in(http, cast.member_name), cast.organization.id)
    listed = (await elsewhere.get("/api/me/sessions")).json()["items"]
    (first,) = [each["session_id"] for each in listed if not each["is_current"]]
    return await elsewhere.delete(f"/api/me/sessions/{first}")


async def _change_own_password(cast: Cast, http: httpx.AsyncClient) -> httpx.Response:
    elsewhere = Client(http, await log_in(http, cast.member_name), cast.organization.id)
    change = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    return await elsewhere.patch("/api/me/profile", change)


async def _demote_member(cast: Cast, http: httpx.AsyncClient) -> httpx.Response:
    place = f"{{org}}/users/{cast.organization.member_id}/membership"
    return await _through(http, cast.admin).patch(place, {"is_admin": False})


def _the_member(cast: Cast) -> Client:
    return cast.member


def _the_admin(cast: Cast) -> Client:
    return cast.admin


def _the_key(cast: Cast) -> Client:
    return cast.key


_USER = "/api/admin/users/{member}"
_ORG = "/api/admin/orgs/{org}"

REVOCATIONS = {
    "a logout": Revocation(act=_log_out, whose=_the_member, path="/api/me", refused=401),
    "a session that was ended from another one": Revocation(
        act=_end_that_session, whose=_the_member, path="/api/me", refused=401
    ),
    "a removal from the organization": Revocation(
        act=_admin("DELETE", "{org}/users/{member}"),
        whose=_the_member,
        path=ORCHESTRATORS,
        refused=404,
    ),
    "a demotion to plain member": Revocation(
        act=_demote_member, whose=_the_member, path="{org}/members", refused=403
    ),
    "a demotion from sys_admin": Revocation(
        act=_root("PATCH", _USER, is_sys_admin=False),
        whose=_the_member,
        path="/api/admin/users",
        refused=403,
    ),
    "one's own new password": Revocation(
        act=_change_own_password, whose=_the_member, path="/api/me", refused=401
    ),
    "a password that a sys_admin has set": Revocation(
        act=_root("PATCH", _USER, password=NEW_PASSWORD),
        whose=_the_member,
        path="/api/me",
        refused=401,
    ),
    "a disabled user": Revocation(
        act=_root("PATCH", _USER, is_disabled=True), whose=_the_member, path="/api/me", refused=401
    ),
    "a removed user": Revocation(
        act=_root("DELETE", _USER), whose=_the_member, path="/api/me", refused=401
    ),
    "a suspended organization, to its member": Revocation(
        act=_root("PATCH", _ORG, status="suspended"),
        whose=_the_member,
        path=ORCHESTRATORS,
        refused=403,
    ),
    "a suspended organization, to its admin": Revocation(
        act=_root("PATCH", _ORG, status="suspended"),
        whose=_the_admin,
        path="{org}/members",
        refused=403,
    ),
    "a suspended organization, to its key": Revocation(
        act=_root("PATCH", _ORG, status="suspended"),
        whose=_the_key,
        path=ORCHESTRATORS,
        refused=403,
    ),
    "a removed organization, to its member": Revocation(
        act=_root("DELETE", _ORG), whose=_the_member, path=ORCHESTRATORS, refused=404
    ),
    "a removed organization, to its key": Revocation(
        act=_root("DELETE", _ORG), whose=_the_key, path=ORCHESTRATORS, refused=401
    ),
    "a revoked key": Revocation(
        act=_admin("DELETE", "{org}/api-keys/{key}"),
        whose=_the_key,
        path=ORCHESTRATORS,
        refused=401,
    ),
}
# Whose member has to be more than that at first.
PROMOTED = {
    "a demotion to plain member": _admin("PATCH", "{org}/users/{member}/membership", is_admin=True),
    "a demotion from sys_admin": _root("PATCH", _USER, is_sys_admin=True),
}


@pytest.fixture(scope="module")
def cluster(
    postgres_server: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    with open_cluster(
        tmp_path_factory.mktemp("cluster"), postgres_server=postgres_server, redis_url=redis_url
    ) as cluster:
        yield cluster


async def _gather(http: httpx.AsyncClient) -> Cast:
    root = Client(http, await log_in(http, SYS_ADMIN), "none")
    organization = await create_organization(http, root)
    made = await organization.admin.post("{org}/api-keys", {"name": "robot"})
    assert made.status_code == 201, made.text
    who = (await organization.member.get("/api/me")).json()
    return Cast(
        root=root,
        organization=organization,
        member_name=who["username"],
        key=Client(http, made.json()["key"], organization.id),
        key_id=made.json()["id"],
    )


@pytest.mark.parametrize("is_swapped", [False, True], ids=["first to second", "second to first"])
@pytest.mark.parametrize("name", REVOCATIONS)
async def test_it_is_felt_by_the_very_next_request_in_the_other_process(
    cluster: Cluster, name: str, *, is_swapped: bool
) -> None:
    nodes = (cluster.first.base_url, cluster.second.base_url)
    here_url, there_url = reversed(nodes) if is_swapped else nodes
    revocation = REVOCATIONS[name]
    async with open_http(here_url) as here, open_http(there_url) as there:
        cast = await _gather(here)
        if name in PROMOTED:
            assert (await PROMOTED[name](cast, here)).is_success
        client = revocation.whose(cast)
        for node in (here, there):
            before = await _through(node, client).get(revocation.path)
            assert before.status_code == 200, before.text

        changed = await revocation.act(cast, here)
        after = await _through(there, client).get(revocation.path)
        afterwards = await _through(here, client).get(revocation.path)

    assert changed.is_success, changed.text
    assert (after.status_code, afterwards.status_code) == (revocation.refused,) * 2
