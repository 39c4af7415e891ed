"""The hosts that a plugin may call: asked for by its author, approved by each organization."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.factories.plugins import PID, tools_plugin
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot
from tests.integration.test_pool_source import blueprints, hash_of, key_of  # noqa: F401  # a fixture

API, MIRROR, NEWS = "api.example.com", "mirror.example.com", "news.example.com"


async def uploaded(admin: Client, *hosts: str, version: str = "1.0.0") -> dict[str, Any]:
    """Upload a version of the tools plugin that asks for these hosts, and return its row."""
    answer = await admin.upload("{org}/plugins/upload", tools_plugin(version, network=hosts))
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


def place_of(plugin: dict[str, Any]) -> str:
    return f"{{org}}/plugins/{plugin['id']}/network"


async def approve(admin: Client, plugin: dict[str, Any], *hosts: str) -> dict[str, Any]:
    """Approve these hosts and no others, and return what is told."""
    answer = await admin.put(place_of(plugin), {"approved": list(hosts)})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def flags(told: dict[str, Any]) -> dict[str, tuple[bool, bool]]:
    """Return whether each host is declared and approved."""
    return {host["host"]: (host["declared"], host["approved"]) for host in told["hosts"]}


async def test_what_a_plugin_asks_for_is_approved_by_nobody_at_first(
    organization: Organization,
) -> None:
    plugin = await uploaded(organization.admin, API, MIRROR)

    told = await organization.admin.get(place_of(plugin))

    unapproved = {"declared": True, "approved": False, "approved_by": None, "approved_at": None}
    assert told.json() == {
        "pid": PID,
        "version": "1.0.0",
        "hosts": [{"host": API, **unapproved}, {"host": MIRROR, **unapproved}],
    }
    assert plugin["network"] == [
        {"host": API, "approved": False},
        {"host": MIRROR, "approved": False},
    ]


async def test_an_approval_says_by_whom_and_when_and_everybody_sees_it(
    organization: Organization,
) -> None:
    plugin = await uploaded(organization.admin, API, MIRROR)

    told = await approve(organization.admin, plugin, MIRROR)

    assert flags(told) == {API: (True, False), MIRROR: (True, True)}
    assert told["hosts"][1]["approved_by"] == organization.admin_id
    assert told["hosts"][1]["approved_at"].endswith("Z")
    one = (await organization.member.get(f"{{org}}/plugins/{plugin['id']}")).json()
    listed = (await organization.member.get("{org}/plugins")).json()
    shown = [{"host": API, "approved": False}, {"host": MIRROR, "approved": True}]
    assert one["network"] == shown
    assert [row["network"] for row in listed if row["id"] == plugin["id"]] == [shown]


async def test_whoever_was_first_stays_named_and_what_is_left_out_is_withdrawn(
    organization: Organization,
) -> None:
    plugin = await uploaded(organization.admin, API, MIRROR)
    first = await approve(organization.admin, plugin, API)

    both = await approve(organization.admin, plugin, MIRROR, API, API)
    none = await approve(organization.admin, plugin)

    assert both["hosts"][0] == first["hosts"][0]
    assert flags(none) == {API: (True, False), MIRROR: (True, False)}


@pytest.mark.parametrize(
    "host", ["other.example.com", "", "*", API.upper(), f"{API}:443", "10.0.0.1"]
)
async def test_what_nobody_asks_for_cannot_be_approved(
    organization: Organization, host: str
) -> None:
    plugin = await uploaded(organization.admin, API)

    answer = await organization.admin.put(place_of(plugin), {"approved": [API, host]})

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["approved.1"]
    left = await organization.admin.get(place_of(plugin))
    assert flags(left.json()) == {API: (True, False)}


async def test_approvals_hold_for_later_versions_and_a_new_host_needs_its_own(
    organization: Organization,
) -> None:
    admin = organization.admin
    first = await uploaded(admin, API, MIRROR)
    await approve(admin, first, API, MIRROR)

    second = await uploaded(admin, API, NEWS, version="2.0.0")

    assert second["network"] == [{"host": API, "approved": True}, {"host": NEWS, "approved": False}]
    told = (await admin.get(place_of(second))).json()
    assert flags(told) == {API: (True, True), NEWS: (True, False), MIRROR: (False, True)}
    # What only the older version asks for may stay, or go.
    kept = await approve(admin, second, API, NEWS, MIRROR)
    assert flags(kept)[MIRROR] == (False, True)
    gone = await approve(admin, second, API, NEWS)
    assert MIRROR not in flags(gone)
    answer = await admin.put(place_of(second), {"approved": [MIRROR]})
    assert answer.status_code == 422


async def test_each_organization_approves_a_system_plugin_for_itself(
    *, sys_admin: Client, organization: Organization, other_organization: Organization
) -> None:
    content = tools_plugin(pid=f"com.system.p{secrets.token_hex(4)}", network=[API])
    plugin = (await sys_admin.upload("/api/admin/plugins/upload", content)).json()
    assert plugin["network"] == [{"host": API, "approved": None}]

    await approve(organization.admin, plugin, API)

    theirs = await other_organization.admin.get(place_of(plugin))
    assert flags(theirs.json()) == {API: (True, False)}
    assert (await sys_admin.delete(f"/api/admin/plugins/{plugin['id']}")).status_code == 204


async def test_approvals_are_the_admins_and_their_organizations_alone(
    organization: Organization, other_organization: Organization
) -> None:
    plugin = await uploaded(organization.admin, API)
    theirs = await uploaded(other_organization.admin, API)
    body = {"approved": [API]}

    assert (await organization.member.get(place_of(plugin))).status_code == 403
    assert (await organization.member.put(place_of(plugin), body)).status_code == 403
    for foreign in (theirs["id"], "01900000-0000-7000-8000-000000000000", "no-id"):
        place = f"{{org}}/plugins/{foreign}/network"
        assert (await organization.admin.get(place)).status_code == 404
        assert (await organization.admin.put(place, body)).status_code == 404


async def test_admins_who_approve_at_once_do_not_break_each_other(
    organization: Organization,
) -> None:
    plugin = await uploaded(organization.admin, API)
    body = {"approved": [API]}

    answers = await asyncio.gather(
        *(organization.admin.put(place_of(plugin), body) for _ in range(8))
    )

    assert {answer.status_code for answer in answers} <= {200, 409}
    told = await organization.admin.get(place_of(plugin))
    assert flags(told.json()) == {API: (True, True)}


async def test_orchestrators_that_use_the_plugin_are_built_anew_with_its_hosts(
    bot: Bot,
    blueprints: Any,  # noqa: F811  # the fixture
) -> None:
    admin = bot.admin
    plugin = await uploaded(admin, API, MIRROR, version="3.0.0")
    config = {"active_plugin_ids": [plugin["id"]]}
    place = f"{{org}}/orchestrators/{bot.id}"
    assert (await admin.patch(f"{place}/config", config)).status_code == 200
    shown = (await admin.get(place)).json()
    before = await hash_of(blueprints, bot)

    await approve(admin, plugin, MIRROR, API)

    approved = await hash_of(blueprints, bot)
    [source] = (await blueprints.load(*key_of(bot))).plugins
    assert source.network == (API, MIRROR)
    assert approved != before
    # Nobody has changed the orchestrator itself.
    assert (await admin.get(place)).json()["updated_at"] == shown["updated_at"]
    # Storing it again comes to the same, and so does taking the approval back.
    assert (await admin.patch(f"{place}/config", config)).status_code == 200
    assert await hash_of(blueprints, bot) == approved
    await approve(admin, plugin)
    assert await hash_of(blueprints, bot) == before
    [source] = (await blueprints.load(*key_of(bot))).plugins
    assert source.network == ()


async def test_an_orchestrator_that_does_not_use_it_is_left_alone(
    bot: Bot,
    blueprints: Any,  # noqa: F811  # the fixture
) -> None:
    content = tools_plugin(pid="com.acme.other", network=[API])
    plugin = (await bot.admin.upload("{org}/plugins/upload", content)).json()
    before = await hash_of(blueprints, bot)

    await approve(bot.admin, plugin, API)

    assert await hash_of(blueprints, bot) == before
