"""Plugin settings: what a plugin declares is what an orchestrator of it has to have."""

from typing import Any

import pytest

from tests.factories.versioned_plugin import setting
from tests.fakes.model_server import ModelServer
from tests.fixtures.orchestrators import Bot
from tests.fixtures.reporting import Workshop, made, refused, workshop_of

REGION = setting("region", required=True)
LIMIT = setting("limit", "int", required=True, default=5)
RATIO = setting("ratio", "float", default=1)
TOKEN = setting("token", sensitive=True)
HINT = setting("hint")
MASK = "********"


@pytest.fixture
def workshop(bot: Bot, model: ModelServer) -> Workshop:
    return workshop_of(bot, model)


@pytest.fixture
async def plugin(workshop: Workshop) -> dict[str, Any]:
    return await workshop.upload("1.0.0", REGION, LIMIT, RATIO, TOKEN, HINT)


async def test_the_schema_is_shown_as_the_source_declares_it(plugin: dict[str, Any]) -> None:
    shown = {entry["key"]: entry for entry in plugin["settings_schema"]}

    assert list(shown) == ["region", "limit", "ratio", "token", "hint"]
    assert shown["region"]["required"] is True
    assert shown["token"]["sensitive"] is True
    assert shown["hint"]["required"] is shown["hint"]["sensitive"] is False
    assert plugin["default_settings"] == {"limit": 5, "ratio": 1}


async def test_an_agent_is_given_the_defaults_and_what_was_set(
    workshop: Workshop, plugin: dict[str, Any]
) -> None:
    values = {"region": "eu", "token": "t0p", "ratio": 2}
    bot = await workshop.compose(plugin, plugin_settings={plugin["id"]: values})

    told = await workshop.report(bot)

    assert told["settings"] == {"region": "eu", "limit": 5, "ratio": 2.0, "token": "t0p"}
    assert isinstance(told["settings"]["ratio"], float)
    assert bot["plugin_settings"] == {plugin["id"]: {**values, "token": MASK}}


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        pytest.param({}, {"region": "is required"}, id="left out"),
        pytest.param({"region": None}, {"region": "is required"}, id="null"),
        pytest.param({"region": ""}, {"region": "is required"}, id="empty"),
        pytest.param({"region": MASK}, {"region": "is required"}, id="stars for nothing"),
        pytest.param(
            {"region": "eu", "limit": "5", "ratio": True, "hint": 1, "other": 1},
            {
                "limit": "must be of type int",
                "ratio": "must be of type float",
                "hint": "must be of type str",
                "other": "is not a setting",
            },
            id="of the wrong type",
        ),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_path_whichever_call_it_comes_with(
    workshop: Workshop,
    plugin: dict[str, Any],
    *,
    values: dict[str, Any],
    problems: dict[str, str],
) -> None:
    asked = {"plugin_settings": {plugin["id"]: values}}
    bare = await workshop.upload("1.0.0", pid="com.acme.bare")
    other = await workshop.compose(bare)
    right = {plugin["id"]: {"region": "eu"}}
    good = await workshop.compose(plugin, name="good", plugin_settings=right)
    # What is to be judged must not be covered by what is stored.
    emptied = {key: values.get(key) for key in {"region", *values}}
    if values.get("region") == MASK:
        emptied["region"] = None

    create = await workshop.admin.post(
        "{org}/orchestrators", workshop.asked(plugin, name="new", **asked)
    )
    add = await workshop.admin.patch(
        f"{{org}}/orchestrators/{other['id']}/config",
        {"active_plugin_ids": [bare["id"], plugin["id"]], **asked},
    )
    change = await workshop.admin.patch(
        f"{{org}}/orchestrators/{good['id']}/plugin-settings",
        {"plugin_settings": {plugin["id"]: emptied}},
    )

    expected = {f"plugin_settings.{plugin['id']}.{key}": told for key, told in problems.items()}
    assert [refused(answer) for answer in (create, add, change)] == [expected] * 3
    assert await workshop.read(other) == other
    assert await workshop.read(good) == good


async def test_a_plugin_is_added_together_with_what_it_requires(
    workshop: Workshop, plugin: dict[str, Any]
) -> None:
    bare = await workshop.upload("1.0.0", pid="com.acme.bare")
    bot = await workshop.compose(bare)
    place = f"{{org}}/orchestrators/{bot['id']}/config"
    both = {"active_plugin_ids": [bare["id"], plugin["id"]]}

    without = await workshop.admin.patch(place, both)
    values = {plugin["id"]: {"region": "eu", "token": "t0p"}}
    changed = made(await workshop.admin.patch(place, {**both, "plugin_settings": values}))

    assert refused(without) == {f"plugin_settings.{plugin['id']}.region": "is required"}
    assert changed["plugin_settings"][plugin["id"]] == {"region": "eu", "token": MASK}
    assert (await workshop.report(changed))["settings"]["region"] == "eu"


async def test_settings_of_a_plugin_that_is_not_active_are_refused_with_the_configuration(
    workshop: Workshop, plugin: dict[str, Any]
) -> None:
    bare = await workshop.upload("1.0.0", pid="com.acme.bare")
    bot = await workshop.compose(bare)

    answer = await workshop.admin.patch(
        f"{{org}}/orchestrators/{bot['id']}/config",
        {"plugin_settings": {plugin["id"]: {"region": "eu"}}},
    )

    assert refused(answer) == {f"plugin_settings.{plugin['id']}": "is not an active plugin"}


async def test_a_secret_is_another_text_in_every_orchestrator_and_shown_in_none(
    workshop: Workshop, plugin: dict[str, Any]
) -> None:
    values = {plugin["id"]: {"region": "eu", "token": "canary-of-one-orchestrator"}}
    first = await workshop.compose(plugin, plugin_settings=values)
    second = await workshop.compose(plugin, name="second", plugin_settings=values)

    listed = await workshop.member.get("{org}/orchestrators")

    assert first["config_hash"] != second["config_hash"]
    assert "canary-of-one-orchestrator" not in listed.text
    assert (await workshop.report(second))["settings"]["token"] == "canary-of-one-orchestrator"
