"""Composing orchestrators: what is taken, what is refused with which path, what is shown."""

from dataclasses import replace
from typing import Any

import pytest

from tests.factories.plugins import tools_plugin
from tests.fakes.model_server import Call, ModelServer, Say
from tests.fixtures.clients import Organization
from tests.fixtures.orchestrators import Bot, SseEvent, create_bot

UNKNOWN = "01900000-0000-7000-8000-000000000000"


def _asked(bot: Bot, **changes: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "name": "another",
        "framework_type": "langgraph",
        "mode": "supervisor",
        "active_plugin_ids": [bot.plugin_id],
        "config": {"default_llm_config_id": bot.llm_config_id},
    }
    return {**asked, **changes}


def _text(events: list[SseEvent]) -> str:
    return "".join(event.fields["content"] for event in events if event.name == "message")


async def test_what_was_asked_for_is_shown(bot: Bot) -> None:
    made = await bot.admin.post("{org}/orchestrators", _asked(bot))

    assert made.status_code == 201
    row = made.json()
    assert row["config"] == {"default_llm_config_id": bot.llm_config_id}
    assert row["active_plugin_ids"] == [bot.plugin_id]
    assert row["status"] == "active"
    assert len(row["config_hash"]) == 64
    assert (await bot.member.get(f"{{org}}/orchestrators/{row['id']}")).json() == row


async def test_orchestrators_are_listed_in_pages(bot: Bot) -> None:
    for name in ("b", "c"):
        await bot.admin.post("{org}/orchestrators", _asked(bot, name=name))

    first = (await bot.member.get("{org}/orchestrators?limit=2")).json()
    second = (await bot.member.get(f"{{org}}/orchestrators?limit=2&after={first['next']}")).json()

    assert [row["name"] for row in first["items"] + second["items"]] == ["bot", "b", "c"]
    assert second["next"] is None


@pytest.mark.parametrize("after", ["x", "bm90LWEtdXVpZA", "%00"])
async def test_a_foreign_cursor_is_refused(bot: Bot, after: str) -> None:
    answer = await bot.member.get(f"{{org}}/orchestrators?after={after}")

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["after"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"framework_type": "crewai"}, "framework_type"),
        ({"mode": "swarm"}, "mode"),
        ({"active_plugin_ids": []}, "active_plugin_ids"),
        ({"active_plugin_ids": [UNKNOWN]}, "active_plugin_ids.0"),
        ({"config": {"default_llm_config_id": 2_000_000_000}}, "config.default_llm_config_id"),
        ({"config": {}}, "config.default_llm_config_id"),
        ({"surprise": 1}, "surprise"),
        ({"plugin_settings": {UNKNOWN: {"x": 1}}}, f"plugin_settings.{UNKNOWN}"),
    ],
)
async def test_what_cannot_be_built_is_refused_with_its_path(
    bot: Bot, changes: dict[str, Any], path: str
) -> None:
    answer = await bot.admin.post("{org}/orchestrators", _asked(bot, **changes))

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == [path]


@pytest.mark.parametrize(
    ("mode_config", "path"),
    [
        ({"max_agent_hops": 0}, "max_agent_hops"),
        ({"max_agent_hops": 1000}, "max_agent_hops"),
        ({"temperature": "hot"}, "temperature"),
        ({"compaction": "magic"}, "compaction"),
        ({"judge_node": {}}, "judge_node"),
        ({"validation_node": {"llm_config_id": 2_000_000_000}}, "validation_node.llm_config_id"),
        ({"synthesizer_node": {"prompt_override": "  "}}, "synthesizer_node.prompt_override"),
        ({"supervisor_node": {"prompt_override": "No slots."}}, "supervisor_node.prompt_override"),
    ],
)
async def test_every_part_of_the_configuration_is_checked_when_written(
    bot: Bot, mode_config: dict[str, Any], path: str
) -> None:
    change = {"config": {"mode_config": mode_config}}

    answer = await bot.admin.patch(f"{{org}}/orchestrators/{bot.id}/config", change)

    assert answer.status_code == 422
    paths = {field["path"] for field in answer.json()["error"]["fields"]}
    assert paths == {f"config.mode_config.{path}"}


@pytest.mark.parametrize(
    ("mode", "mode_config", "path"),
    [
        ("coordinator", {"consecutive_agent_route_limit": 0}, "consecutive_agent_route_limit"),
        ("coordinator", {"max_agent_hops": 51}, "max_agent_hops"),
        ("coordinator", {"supervisor_node": {}}, "supervisor_node"),
        ("coordinator", {"entry_agent": "com.acme.tools"}, "entry_agent"),
        ("handoff", {"entry_agent": "com.acme.other"}, "entry_agent"),
        ("handoff", {"entry_agent": UNKNOWN}, "entry_agent"),
        ("handoff", {"handoff_instructions": "x" * 4_001}, "handoff_instructions"),
        ("handoff", {"use_llm_validation": True}, "use_llm_validation"),
    ],
)
async def test_each_mode_takes_its_own_settings_and_no_others(
    bot: Bot, *, mode: str, mode_config: dict[str, Any], path: str
) -> None:
    config = {"default_llm_config_id": bot.llm_config_id, "mode_config": mode_config}

    answer = await bot.admin.post("{org}/orchestrators", _asked(bot, mode=mode, config=config))

    assert answer.status_code == 422
    paths = [field["path"] for field in answer.json()["error"]["fields"]]
    assert paths == [f"config.mode_config.{path}"]


async def test_a_coordinator_lets_the_plugins_agent_work(bot: Bot, model: ModelServer) -> None:
    limits = {"max_agent_hops": 5, "consecutive_agent_route_limit": 1}
    config = {"default_llm_config_id": bot.llm_config_id, "mode_config": limits}
    made = await bot.admin.post(
        "{org}/orchestrators", _asked(bot, mode="coordinator", config=config)
    )
    transfer = Call(("transfer_to_com_acme_tools", {"request": "Greet Ada."}))
    greet = Call(("com_acme_tools_greet", {"name": "Ada"}))
    model.script(transfer, greet, Say("I said hello."), transfer, Say("Ada is greeted."))

    events = await replace(bot, id=made.json()["id"]).stream("Greet Ada.")

    assert [event.fields["agent"] for event in events if event.name == "agent_start"] == [
        "coordinator",
        "com.acme.tools",
        "coordinator",
    ]
    assert _text(events) == "Ada is greeted."
    refused = model.calls[-1].tool_results[-1].text
    assert "has been asked 1 times in a row" in refused


@pytest.mark.parametrize("names", ["pid", "row"])
async def test_a_handoff_starts_at_its_entry_agent_with_the_instructions_for_all(
    bot: Bot, model: ModelServer, names: str
) -> None:
    other = await bot.admin.upload("{org}/plugins/upload", tools_plugin(pid="com.acme.other"))
    entry = other.json()["id"] if names == "row" else "com.acme.other"
    settings = {"entry_agent": entry, "handoff_instructions": "Be {kind}."}
    asked = _asked(
        bot,
        mode="handoff",
        active_plugin_ids=[bot.plugin_id, other.json()["id"]],
        config={"default_llm_config_id": bot.llm_config_id, "mode_config": settings},
    )
    made = await bot.admin.post("{org}/orchestrators", asked)
    model.script(Call(("transfer_to_com_acme_tools", {})), Say("Hello from the tools."))

    events = await replace(bot, id=made.json()["id"]).stream("Hello")

    assert made.json()["config"]["mode_config"] == settings
    agents = [event.fields["agent"] for event in events if event.name == "agent_start"]
    assert agents == ["com.acme.other", "com.acme.tools"]
    assert _text(events) == "Hello from the tools."
    assert all("\nBe {kind}.\n" in call.system for call in model.calls)


async def test_the_entry_agent_cannot_be_taken_away_from_a_handoff(bot: Bot) -> None:
    other = await bot.admin.upload("{org}/plugins/upload", tools_plugin(pid="com.acme.other"))
    both = [bot.plugin_id, other.json()["id"]]
    settings = {"entry_agent": "com.acme.other"}
    config = {"default_llm_config_id": bot.llm_config_id, "mode_config": settings}
    asked = _asked(bot, mode="handoff", active_plugin_ids=both, config=config)
    made = await bot.admin.post("{org}/orchestrators", asked)
    place = f"{{org}}/orchestrators/{made.json()['id']}/config"

    refused = await bot.admin.patch(place, {"active_plugin_ids": [bot.plugin_id]})

    assert refused.status_code == 422
    paths = [field["path"] for field in refused.json()["error"]["fields"]]
    assert paths == ["config.mode_config.entry_agent"]
    change = {
        "active_plugin_ids": [bot.plugin_id],
        "config": {"mode_config": {"entry_agent": None}},
    }
    assert (await bot.admin.patch(place, change)).status_code == 200


async def test_another_organizations_parts_are_as_good_as_unknown(
    bot: Bot, other_organization: Organization, model: ModelServer
) -> None:
    theirs = await create_bot(other_organization, model.openai_url)
    foreign = {
        "active_plugin_ids": [theirs.plugin_id],
        "config": {"default_llm_config_id": theirs.llm_config_id},
    }

    answer = await bot.admin.post("{org}/orchestrators", _asked(bot, **foreign))

    assert answer.status_code == 422
    paths = {field["path"] for field in answer.json()["error"]["fields"]}
    assert paths == {"active_plugin_ids.0", "config.default_llm_config_id"}
    for method in ("get", "delete"):
        call = getattr(bot.admin, method)
        assert (await call(f"{{org}}/orchestrators/{theirs.id}")).status_code == 404
    turn = {"instance_id": theirs.id, "message": "Hello"}
    assert (await bot.member.post("{org}/completion/chat", turn)).status_code == 404


async def test_a_change_is_merged_and_null_goes_back_to_the_default(bot: Bot) -> None:
    place = f"{{org}}/orchestrators/{bot.id}/config"
    before = (await bot.admin.get(f"{{org}}/orchestrators/{bot.id}")).json()

    changed = await bot.admin.patch(
        place, {"config": {"mode_config": {"max_agent_hops": 3, "temperature": 0.5}}}
    )
    back = await bot.admin.patch(
        place, {"config": {"mode_config": {"max_agent_hops": None, "temperature": None}}}
    )

    config = changed.json()["config"]
    assert config["mode_config"] == {"max_agent_hops": 3, "temperature": 0.5}
    assert config["default_llm_config_id"] == bot.llm_config_id
    assert changed.json()["config_hash"] != before["config_hash"]
    assert back.json()["config_hash"] == before["config_hash"]


async def test_sensitive_plugin_settings_are_masked_and_kept(bot: Bot) -> None:
    place = f"{{org}}/orchestrators/{bot.id}/plugin-settings"
    await bot.admin.patch(
        place, {"plugin_settings": {bot.plugin_id: {"token": "very-secret", "greeting": "Hi"}}}
    )

    shown = (await bot.admin.get(f"{{org}}/orchestrators/{bot.id}")).json()
    values = shown["plugin_settings"][bot.plugin_id]
    again = await bot.admin.patch(place, {"plugin_settings": {bot.plugin_id: values}})

    assert values == {"token": "********", "greeting": "Hi"}
    assert again.json()["config_hash"] == shown["config_hash"]


@pytest.mark.parametrize(
    ("values", "key"),
    [({"greeting": 5}, "greeting"), ({"nonsense": "x"}, "nonsense")],
)
async def test_plugin_settings_are_checked_against_the_schema(
    bot: Bot, values: dict[str, Any], key: str
) -> None:
    answer = await bot.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/plugin-settings",
        {"plugin_settings": {bot.plugin_id: values}},
    )

    assert answer.status_code == 422
    paths = [field["path"] for field in answer.json()["error"]["fields"]]
    assert paths == [f"plugin_settings.{bot.plugin_id}.{key}"]


async def test_two_versions_of_one_plugin_cannot_be_active_together(bot: Bot) -> None:
    newer = await bot.admin.upload("{org}/plugins/upload", tools_plugin("2.0.0"))
    both = {"active_plugin_ids": [bot.plugin_id, newer.json()["id"]]}

    answer = await bot.admin.post("{org}/orchestrators", _asked(bot, **both))

    assert answer.status_code == 422
    paths = [field["path"] for field in answer.json()["error"]["fields"]]
    assert paths == ["active_plugin_ids.1"]


async def test_names_are_unique_in_an_organization(bot: Bot) -> None:
    answer = await bot.admin.post("{org}/orchestrators", _asked(bot, name="bot"))

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "orchestrator_name_taken"


async def test_a_disabled_orchestrator_takes_no_turns(bot: Bot, model: ModelServer) -> None:
    place = f"{{org}}/orchestrators/{bot.id}"
    await bot.admin.patch(place, {"status": "disabled"})

    refused = await bot.chat("Hello")

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "orchestrator_disabled"
    await bot.admin.patch(place, {"status": "active"})
    model.script(Say("x"), Say("Hello."))
    assert (await bot.chat("Hello")).status_code == 200


async def test_members_look_and_do_not_touch(bot: Bot) -> None:
    place = f"{{org}}/orchestrators/{bot.id}"

    assert (await bot.member.get(place)).status_code == 200
    answers = [
        await bot.member.post("{org}/orchestrators", _asked(bot)),
        await bot.member.patch(place, {"name": "mine"}),
        await bot.member.patch(f"{place}/config", {"config": {}}),
        await bot.member.patch(f"{place}/plugin-settings", {"plugin_settings": {}}),
        await bot.member.delete(place),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5


async def test_the_graph_is_of_the_thing_built(bot: Bot, model: ModelServer) -> None:
    graph = (await bot.member.get(f"{{org}}/orchestrators/{bot.id}/graph")).json()
    model.script(Say("x"), Say("Hello."))
    events = await bot.stream("Hello")

    ids = {node["id"] for node in graph["nodes"]}
    agents = {event.fields["agent"] for event in events if event.name == "agent_start"}
    assert agents <= ids
    assert all(edge["source"] in ids and edge["target"] in ids for edge in graph["edges"])
    assert all(node in graph["mermaid"] for node in ids)


async def test_frameworks_and_prompts_can_be_looked_up(organization: Organization) -> None:
    frameworks = (await organization.member.get("/api/engine/frameworks")).json()
    prompts = (await organization.member.get("/api/engine/supervisor/prompts")).json()

    assert {"framework_type", "modes", "providers"} == set(frameworks[0])
    assert len(prompts) == 6
    for prompt in prompts:
        assert all(f"{{{slot['name']}}}" in prompt["prompt"] for slot in prompt["placeholders"])
