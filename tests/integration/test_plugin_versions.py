"""Following the latest version of a plugin: who moves, with what, and who stays and says why."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.factories.versioned_plugin import Declared, reporting_plugin, setting
from tests.fakes.model_server import Call, ModelServer, Say
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot, read_events
from tests.fixtures.reporting import (
    REPORT,
    Workshop,
    made,
    open_workshop,
    refused,
    versions_of,
    workshop_of,
)

UNKNOWN = "01900000-0000-7000-8000-000000000000"
REGION = setting("region", default="eu")
TOKEN = setting("token", sensitive=True)
MASK = "********"


@pytest.fixture
def workshop(bot: Bot, model: ModelServer) -> Workshop:
    return workshop_of(bot, model)


async def _entries(workshop: Workshop, orchestrator: dict[str, Any]) -> list[dict[str, Any]]:
    place = f"{{org}}/audit?object_id={orchestrator['id']}"
    found: list[dict[str, Any]] = made(await workshop.admin.get(place))["items"]
    return found


async def test_a_plugin_is_pinned_unless_it_is_to_follow(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0")
    pinned = await workshop.compose(first)

    second = await workshop.upload("1.1.0")

    now = await workshop.read(pinned)
    assert now["active_plugin_ids"] == [first["id"]]
    assert now["plugins"] == [
        {
            "id": first["id"],
            "pid": "com.acme.report",
            "name": "Reporting",
            "version": "1.0.0",
            "follows_latest": False,
            "newer": {"id": second["id"], "version": "1.1.0", "problems": []},
        }
    ]
    assert now["config_hash"] == pinned["config_hash"]


async def test_a_follower_moves_with_the_upload_and_takes_its_settings_along(
    workshop: Workshop,
) -> None:
    first = await workshop.upload("1.0.0", REGION, TOKEN)
    values = {first["id"]: {"region": "us", "token": "t0p"}}
    bot = await workshop.follow(first, plugin_settings=values)
    assert (await workshop.report(bot))["version"] == "1.0.0"

    second = await workshop.upload("2.0.0", REGION, TOKEN, setting("limit", "int", default=3))

    now = await workshop.read(bot)
    assert now["active_plugin_ids"] == [second["id"]]
    assert now["plugins"][0]["follows_latest"] is True
    assert now["plugins"][0]["newer"] is None
    assert now["plugin_settings"] == {second["id"]: {"region": "us", "token": MASK}}
    assert now["config_hash"] != bot["config_hash"]
    assert await workshop.report(bot) == {
        "version": "2.0.0",
        "settings": {"region": "us", "token": "t0p", "limit": 3},
    }


async def test_a_move_is_told_in_the_name_of_whoever_uploaded(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0", TOKEN)
    bot = await workshop.follow(first, plugin_settings={first["id"]: {"token": "t0p"}})

    second = await workshop.upload("2.0.0", TOKEN)

    latest, created = await _entries(workshop, bot)
    assert latest["action"] == "orchestrator.change"
    assert latest["actor"] == created["actor"]
    assert latest["change"] == {
        f"plugin_settings.{first['id']}.token": {"from": "(secret)"},
        f"plugin_settings.{second['id']}.token": {"to": "(secret)"},
        "active_plugin_ids": {"from": [first["id"]], "to": [second["id"]]},
        "follow_latest": {"from": [first["id"]], "to": [second["id"]]},
    }
    assert created["change"]["follow_latest"] == {"to": [first["id"]]}


async def test_an_older_version_moves_nobody(workshop: Workshop) -> None:
    first = await workshop.upload("1.5.0")
    bot = await workshop.follow(first)

    await workshop.upload("1.4.0")

    assert await workshop.read(bot) == bot


async def test_only_followers_of_the_same_plugin_move(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0")
    other = await workshop.upload("1.0.0", pid="com.acme.other")
    both = await workshop.compose(other, first, follow_latest=[other["id"]])

    await workshop.upload("2.0.0")
    assert versions_of(await workshop.read(both)) == ["1.0.0", "1.0.0"]
    await workshop.upload("2.0.0", pid="com.acme.other")

    now = await workshop.read(both)
    assert [(use["pid"], use["version"]) for use in now["plugins"]] == [
        ("com.acme.other", "2.0.0"),
        ("com.acme.report", "1.0.0"),
    ]


@pytest.mark.parametrize(
    ("declared", "problems"),
    [
        pytest.param(
            setting("key", required=True),
            [{"path": "settings.key", "message": "is required"}],
            id="requires what nobody has set",
        ),
        pytest.param(
            setting("region", "int"),
            [{"path": "settings.region", "message": "must be of type int"}],
            id="takes another type",
        ),
    ],
)
async def test_a_follower_that_does_not_fit_stays_where_it_is_and_says_why(
    workshop: Workshop, declared: Declared, problems: list[dict[str, str]]
) -> None:
    first = await workshop.upload("1.0.0", setting("region"))
    bot = await workshop.follow(first, plugin_settings={first["id"]: {"region": "eu"}})

    second = await workshop.upload(
        "2.0.0", *{"region": setting("region"), declared["key"]: declared}.values()
    )

    now = await workshop.read(bot)
    newer = {"id": second["id"], "version": "2.0.0", "problems": problems}
    assert now == {**bot, "plugins": [{**bot["plugins"][0], "newer": newer}]}
    (listed,) = [
        row
        for row in made(await workshop.member.get("{org}/orchestrators"))["items"]
        if row["id"] == bot["id"]
    ]
    assert listed == now
    assert (await workshop.report(bot))["version"] == "1.0.0"


async def test_one_that_stayed_goes_on_with_the_next_version_that_fits(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0")
    bot = await workshop.follow(first)
    await workshop.upload("2.0.0", setting("key", required=True))
    assert versions_of(await workshop.read(bot)) == ["1.0.0"]

    await workshop.upload("2.0.1", setting("key", required=True, default="k"))

    assert versions_of(await workshop.read(bot)) == ["2.0.1"]


async def test_what_is_no_setting_any_more_is_dropped_on_the_way(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0", setting("old"), REGION)
    values = {first["id"]: {"old": "x", "region": "us"}}
    bot = await workshop.follow(first, plugin_settings=values)

    second = await workshop.upload("2.0.0", REGION)

    assert (await workshop.read(bot))["plugin_settings"] == {second["id"]: {"region": "us"}}


async def test_a_secret_stays_one_when_the_new_version_no_longer_says_so(
    workshop: Workshop,
) -> None:
    first = await workshop.upload("1.0.0", TOKEN)
    bot = await workshop.follow(first, plugin_settings={first["id"]: {"token": "t0p"}})

    second = await workshop.upload("2.0.0", setting("token"))

    assert (await workshop.read(bot))["plugin_settings"] == {second["id"]: {"token": MASK}}
    assert (await workshop.report(bot))["settings"] == {"token": "t0p"}


async def test_a_value_becomes_a_secret_when_the_new_version_says_so(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0", setting("token"))
    bot = await workshop.follow(first, plugin_settings={first["id"]: {"token": "t0p"}})

    second = await workshop.upload("2.0.0", TOKEN)

    assert (await workshop.read(bot))["plugin_settings"] == {second["id"]: {"token": MASK}}


async def test_an_entry_agent_named_by_its_row_goes_along(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0")
    config = {
        "default_llm_config_id": workshop.llm_config_id,
        "mode_config": {"entry_agent": first["id"]},
    }
    bot = await workshop.follow(first, mode="handoff", config=config)

    second = await workshop.upload("2.0.0")

    now = await workshop.read(bot)
    assert now["config"]["mode_config"] == {"entry_agent": second["id"]}
    assert (await workshop.report(bot, words=1))["version"] == "2.0.0"


async def test_whoever_is_to_follow_starts_at_the_latest_version(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0", REGION)
    second = await workshop.upload("2.0.0", REGION)

    bot = await workshop.follow(first, plugin_settings={first["id"]: {"region": "us"}})

    assert bot["active_plugin_ids"] == [second["id"]]
    assert bot["plugin_settings"] == {second["id"]: {"region": "us"}}
    assert (await _entries(workshop, bot))[0]["change"]["active_plugin_ids"] == {
        "to": [second["id"]]
    }


async def test_following_is_switched_on_and_off_with_the_configuration(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0")
    bot = await workshop.compose(first)
    place = f"{{org}}/orchestrators/{bot['id']}/config"

    on = made(await workshop.admin.patch(place, {"follow_latest": [first["id"]]}))
    kept = made(await workshop.admin.patch(place, {"config": {}}))
    off = made(await workshop.admin.patch(place, {"follow_latest": []}))
    await workshop.upload("2.0.0")

    follows = [row["plugins"][0]["follows_latest"] for row in (on, kept, off)]
    assert follows == [True, True, False]
    # To follow is nothing that a build reads.
    assert on["config_hash"] == bot["config_hash"]
    assert versions_of(await workshop.read(bot)) == ["1.0.0"]


async def test_to_name_another_version_by_its_row_is_to_pin_it(workshop: Workshop) -> None:
    first = await workshop.upload("1.0.0")
    second = await workshop.upload("2.0.0")
    bot = await workshop.follow(second)

    changed = made(
        await workshop.admin.patch(
            f"{{org}}/orchestrators/{bot['id']}/config", {"active_plugin_ids": [first["id"]]}
        )
    )

    assert versions_of(changed) == ["1.0.0"]
    assert changed["plugins"][0]["follows_latest"] is False


@pytest.mark.parametrize("stranger", ["unknown", "not active"])
async def test_only_active_plugins_can_follow(workshop: Workshop, stranger: str) -> None:
    first = await workshop.upload("1.0.0")
    other = await workshop.upload("1.0.0", pid="com.acme.other")
    bot = await workshop.compose(first)
    named = [first["id"], UNKNOWN if stranger == "unknown" else other["id"]]

    created = await workshop.admin.post(
        "{org}/orchestrators", workshop.asked(first, name="second", follow_latest=named)
    )
    changed = await workshop.admin.patch(
        f"{{org}}/orchestrators/{bot['id']}/config", {"follow_latest": named}
    )

    expected = {"follow_latest.1": "is not an active plugin"}
    assert refused(created) == refused(changed) == expected


async def test_the_latest_version_cannot_go_while_somebody_follows_it(workshop: Workshop) -> None:
    await workshop.upload("1.0.0")
    second = await workshop.upload("2.0.0")
    bot = await workshop.follow(second)

    answer = await workshop.admin.delete(f"{{org}}/plugins/{second['id']}")

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "plugin_in_use"
    assert bot["name"] in answer.json()["error"]["message"]


async def test_a_turn_under_way_ends_on_the_version_that_it_began_with(
    workshop: Workshop, model: ModelServer
) -> None:
    first = await workshop.upload("1.0.0")
    bot = await workshop.follow(first)
    told = "one two three four five six seven eight"
    model.script(Say("x"), Say(told, delay_per_word=0.2))
    body = {"instance_id": bot["id"], "message": "Count"}

    async with asyncio.TaskGroup() as tasks:
        turn = tasks.create_task(workshop.member.post("{org}/completion/stream", body))
        await model.wait_for_calls(2, within=30)
        await workshop.upload("2.0.0")
        assert not turn.done()

    events = read_events(turn.result())
    assert events[-1].fields["outcome"] == "completed"
    assert "".join(each.fields["content"] for each in events if each.name == "message") == told
    assert (await workshop.report(bot))["version"] == "2.0.0"


async def test_a_turn_that_calls_a_tool_of_the_old_version_meanwhile_reaches_it(
    workshop: Workshop, model: ModelServer
) -> None:
    first = await workshop.upload("1.0.0")
    bot = await workshop.follow(first)
    await workshop.report(bot)
    slow = Say("Let me see what it says. ", delay_per_word=0.2)
    model.script(Call((REPORT, {})), slow, Say("Done."))
    body = {"instance_id": bot["id"], "message": "Report"}

    async with asyncio.TaskGroup() as tasks:
        turn = tasks.create_task(workshop.member.post("{org}/completion/chat", body))
        await model.wait_for_calls(4, within=30)
        await workshop.upload("2.0.0")

    assert '"version": "1.0.0"' in made(turn.result())["tools"][0]["result"]


async def _upload_for_all(
    sys_admin: Client, version: str, *settings: Declared, pid: str
) -> dict[str, Any]:
    content = reporting_plugin(version, settings, pid=pid)
    return made(await sys_admin.upload("/api/admin/plugins/upload", content))


async def test_a_system_plugin_is_followed_in_every_organization(
    workshop: Workshop, other_organization: Organization, model: ModelServer, *, sys_admin: Client
) -> None:
    pid = f"com.acme.s{secrets.token_hex(6)}"
    elsewhere = await open_workshop(other_organization, model)
    first = await _upload_for_all(sys_admin, "1.0.0", REGION, TOKEN, pid=pid)
    values = {first["id"]: {"region": "us", "token": "t0p"}}
    bots = [
        (shop, await shop.follow(first, plugin_settings=values)) for shop in (workshop, elsewhere)
    ]
    pinned = await workshop.compose(first, name="pinned")

    second = await _upload_for_all(sys_admin, "2.0.0", REGION, TOKEN, pid=pid)

    tool = f"{pid.replace('.', '_')}_report"
    for shop, bot in bots:
        now = await shop.read(bot)
        assert now["active_plugin_ids"] == [second["id"]]
        assert await shop.report(bot, tool) == {
            "version": "2.0.0",
            "settings": {"region": "us", "token": "t0p"},
        }
        entry = (await _entries(shop, bot))[0]
        assert entry["actor"]["name"] == "root"
        assert entry["change"]["active_plugin_ids"]["to"] == [second["id"]]
    assert versions_of(await workshop.read(pinned)) == ["1.0.0"]


async def test_one_organization_that_does_not_fit_keeps_no_other_back(
    workshop: Workshop, other_organization: Organization, model: ModelServer, *, sys_admin: Client
) -> None:
    pid = f"com.acme.s{secrets.token_hex(6)}"
    elsewhere = await open_workshop(other_organization, model)
    first = await _upload_for_all(sys_admin, "1.0.0", setting("region"), pid=pid)
    stays = await workshop.follow(first, plugin_settings={first["id"]: {"region": "us"}})
    moves = await elsewhere.follow(first)

    await _upload_for_all(sys_admin, "2.0.0", setting("region", "int"), pid=pid)

    assert versions_of(await workshop.read(stays)) == ["1.0.0"]
    assert versions_of(await elsewhere.read(moves)) == ["2.0.0"]


async def test_an_own_plugin_and_the_systems_of_the_same_name_are_followed_apart(
    workshop: Workshop, sys_admin: Client
) -> None:
    pid = f"com.acme.s{secrets.token_hex(6)}"
    own = await workshop.upload("1.0.0", pid=pid)
    shared = await _upload_for_all(sys_admin, "1.1.0", pid=pid)
    of_own = await workshop.follow(own)
    of_shared = await workshop.follow(shared, name="shared")

    await workshop.upload("3.0.0", pid=pid)
    assert versions_of(await workshop.read(of_shared)) == ["1.1.0"]
    await _upload_for_all(sys_admin, "4.0.0", pid=pid)

    assert versions_of(await workshop.read(of_own)) == ["3.0.0"]
    assert versions_of(await workshop.read(of_shared)) == ["4.0.0"]
