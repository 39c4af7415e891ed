"""Moving a plugin of an orchestrator to another version by hand, and the list of what changes."""

from typing import Any

import pytest

from tests.factories.versioned_plugin import setting
from tests.fakes.model_server import ModelServer
from tests.fixtures.clients import Organization
from tests.fixtures.orchestrators import Bot
from tests.fixtures.reporting import (
    Workshop,
    made,
    open_workshop,
    refused,
    versions_of,
    workshop_of,
)

UNKNOWN = "01900000-0000-7000-8000-000000000000"
MASK = "********"
OLD = (
    setting("region"),
    setting("limit", "int", default=5),
    setting("token", sensitive=True),
    setting("gone"),
)
NEW = (
    setting("region", required=True),
    setting("limit", "float", default=5),
    setting("token", sensitive=True),
    setting("key", required=True),
    setting("colour", default="red"),
)
CHANGES = {
    "added": [
        {"key": "key", "type": "str", "required": True, "default": None},
        {"key": "colour", "type": "str", "required": False, "default": "red"},
    ],
    "removed": ["gone"],
    "retyped": [{"key": "limit", "before": "int", "after": "float"}],
    "newly_required": ["region", "key"],
    "dropped": ["gone"],
}


@pytest.fixture
def workshop(bot: Bot, model: ModelServer) -> Workshop:
    return workshop_of(bot, model)


@pytest.fixture
async def first(workshop: Workshop) -> dict[str, Any]:
    return await workshop.upload("1.0.0", *OLD)


@pytest.fixture
async def second(workshop: Workshop) -> dict[str, Any]:
    return await workshop.upload("2.0.0", *NEW)


@pytest.fixture
async def pinned(workshop: Workshop, first: dict[str, Any]) -> dict[str, Any]:
    values = {"region": "eu", "limit": 7, "token": "t0p", "gone": "x"}
    return await workshop.compose(first, plugin_settings={first["id"]: values})


async def test_an_upgrade_carries_the_settings_over_and_lists_what_changed(
    workshop: Workshop, first: dict[str, Any], *, second: dict[str, Any], pinned: dict[str, Any]
) -> None:
    answer = await workshop.upgrade(pinned, first["id"], to=second["id"], settings={"key": "k"})

    told = made(answer)
    # Both have the same tools, if anybody has asked for them.
    assert told.pop("tools") in (None, {"added": [], "removed": []})
    assert told == {
        "pid": "com.acme.report",
        "before": {"id": first["id"], "version": "1.0.0"},
        "after": {"id": second["id"], "version": "2.0.0"},
        "is_stored": True,
        "settings": CHANGES,
        "network": {"added": [], "removed": []},
        "problems": [],
    }
    now = await workshop.read(pinned)
    assert now["active_plugin_ids"] == [second["id"]]
    assert now["plugin_settings"] == {
        second["id"]: {"region": "eu", "limit": 7, "token": MASK, "key": "k"}
    }
    assert now["config_hash"] != pinned["config_hash"]
    assert await workshop.report(pinned) == {
        "version": "2.0.0",
        "settings": {"region": "eu", "limit": 7.0, "token": "t0p", "key": "k", "colour": "red"},
    }


@pytest.mark.usefixtures("second")
async def test_what_the_new_version_requires_is_refused_by_its_path(
    workshop: Workshop, first: dict[str, Any], *, pinned: dict[str, Any]
) -> None:
    answer = await workshop.upgrade(
        pinned, first["id"], settings={"region": None, "token": 5, "gone": "y"}
    )

    assert refused(answer) == {
        "settings.key": "is required",
        "settings.region": "is required",
        "settings.token": "must be of type str",
        "settings.gone": "is not a setting",
    }
    assert "eu" in (await workshop.read(pinned))["plugin_settings"][first["id"]].values()


async def test_a_dry_run_says_the_same_with_its_problems_and_stores_nothing(
    workshop: Workshop, first: dict[str, Any], *, second: dict[str, Any], pinned: dict[str, Any]
) -> None:
    before = await workshop.read(pinned)

    told = made(await workshop.upgrade(pinned, first["id"], dry_run=True))

    assert told["is_stored"] is False
    assert told["after"]["id"] == second["id"]
    assert told["settings"] == CHANGES
    assert told["problems"] == [{"path": "settings.key", "message": "is required"}]
    assert await workshop.read(pinned) == before


async def test_a_downgrade_is_an_upgrade_the_other_way_round(
    workshop: Workshop, first: dict[str, Any], *, second: dict[str, Any]
) -> None:
    values = {"region": "eu", "key": "k", "token": "t0p", "limit": 2}
    bot = await workshop.compose(second, plugin_settings={second["id"]: values})

    told = made(await workshop.upgrade(bot, second["id"], to=first["id"]))

    assert told["settings"]["dropped"] == ["key"]
    assert told["settings"]["removed"] == ["key", "colour"]
    assert (await workshop.report(bot))["settings"] == {
        "region": "eu",
        "limit": 2,
        "token": "t0p",
    }


async def test_a_value_that_does_not_fit_the_other_type_has_to_be_given_anew(
    workshop: Workshop, first: dict[str, Any], *, second: dict[str, Any]
) -> None:
    values = {"region": "eu", "key": "k", "limit": 2.5}
    bot = await workshop.compose(second, plugin_settings={second["id"]: values})

    refusal = await workshop.upgrade(bot, second["id"], to=first["id"])
    made(await workshop.upgrade(bot, second["id"], to=first["id"], settings={"limit": 2}))

    assert refused(refusal) == {"settings.limit": "must be of type int"}
    assert (await workshop.report(bot))["settings"] == {"region": "eu", "limit": 2}


async def test_a_follower_that_stayed_behind_is_brought_along_and_goes_on_following(
    workshop: Workshop, first: dict[str, Any]
) -> None:
    bot = await workshop.follow(first, plugin_settings={first["id"]: {"region": "eu"}})
    await workshop.upload("2.0.0", *NEW)

    made(await workshop.upgrade(bot, first["id"], to="latest", settings={"key": "k"}))
    await workshop.upload("2.1.0", *NEW)

    assert versions_of(await workshop.read(bot)) == ["2.1.0"]


async def test_to_go_back_to_an_earlier_version_is_to_stay_there(
    workshop: Workshop, first: dict[str, Any]
) -> None:
    second = await workshop.upload("1.1.0", *OLD)
    bot = await workshop.follow(second)

    made(await workshop.upgrade(bot, second["id"], to=first["id"]))
    await workshop.upload("1.2.0", *OLD)

    now = await workshop.read(bot)
    assert versions_of(now) == ["1.0.0"]
    assert now["plugins"][0]["follows_latest"] is False


async def test_the_order_and_the_other_plugins_stay_as_they_were(
    workshop: Workshop, first: dict[str, Any]
) -> None:
    left, right = [await workshop.upload("1.0.0", *OLD, pid=f"com.acme.{n}") for n in ("l", "r")]
    three = (left, first, right)
    values = {plugin["id"]: {"token": plugin["pid"]} for plugin in three}
    bot = await workshop.compose(*three, plugin_settings=values, follow_latest=[right["id"]])
    second = await workshop.upload("1.1.0", *OLD)

    made(await workshop.upgrade(bot, first["id"], to="latest"))

    now = await workshop.read(bot)
    assert now["active_plugin_ids"] == [left["id"], second["id"], right["id"]]
    assert [use["follows_latest"] for use in now["plugins"]] == [False, False, True]
    for plugin in (left, right):
        tool = f"{plugin['pid'].replace('.', '_')}_report"
        assert (await workshop.report(bot, tool))["settings"]["token"] == plugin["pid"]


async def test_an_upgrade_to_where_it_is_already_changes_nothing(
    workshop: Workshop, first: dict[str, Any], *, pinned: dict[str, Any]
) -> None:
    told = made(await workshop.upgrade(pinned, first["id"], to=first["id"]))

    assert told["before"] == told["after"]
    assert (await workshop.read(pinned))["config_hash"] == pinned["config_hash"]


async def test_another_plugin_an_unknown_one_and_anothers_are_no_versions(
    workshop: Workshop,
    first: dict[str, Any],
    *,
    pinned: dict[str, Any],
    other_organization: Organization,
    model: ModelServer,
) -> None:
    elsewhere = await open_workshop(other_organization, model)
    others = await workshop.upload("1.0.0", pid="com.acme.other")
    theirs = await elsewhere.upload("3.0.0", *OLD)

    answers = [
        await workshop.upgrade(pinned, first["id"], to=to)
        for to in (others["id"], UNKNOWN, theirs["id"])
    ]

    assert [refused(answer) for answer in answers] == [{"to": "is no version of this plugin"}] * 3


async def test_what_the_orchestrator_does_not_use_cannot_be_found(
    workshop: Workshop, first: dict[str, Any], *, second: dict[str, Any], pinned: dict[str, Any]
) -> None:
    answers = [
        await workshop.upgrade(pinned, second["id"]),
        await workshop.upgrade(pinned, UNKNOWN),
        await workshop.upgrade(pinned, "no-id"),
        await workshop.upgrade({"id": UNKNOWN}, first["id"]),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("asked", "path"),
    [({"to": "newest"}, "to"), ({"settings": 5}, "settings"), ({"surprise": 1}, "surprise")],
)
async def test_what_cannot_be_read_is_refused(
    workshop: Workshop,
    first: dict[str, Any],
    *,
    pinned: dict[str, Any],
    asked: dict[str, Any],
    path: str,
) -> None:
    answer = await workshop.upgrade(pinned, first["id"], **asked)

    assert {found.split(".")[0] for found in refused(answer)} == {path}


async def test_members_do_not_upgrade(
    workshop: Workshop, first: dict[str, Any], *, pinned: dict[str, Any]
) -> None:
    place = f"{{org}}/orchestrators/{pinned['id']}/plugins/{first['id']}/upgrade"

    assert (await workshop.member.post(place, {})).status_code == 403
