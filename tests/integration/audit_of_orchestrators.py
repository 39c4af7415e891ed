"""Orchestrators and what is said to them: every call that changes something, and its trail."""

import asyncio

from tests.factories.plugins import tools_plugin
from tests.fakes.model_server import Say
from tests.fixtures.orchestrators import Bot
from tests.integration.audit_stage import (
    CANARY,
    SECRET,
    Done,
    Stage,
    Told,
    cases,
    made,
)


async def create_orchestrator(stage: Stage) -> Done:
    bot = await stage.bot()
    body = {
        "name": "second",
        "framework_type": "langgraph",
        "mode": "supervisor",
        "active_plugin_ids": [bot.plugin_id],
        "plugin_settings": {bot.plugin_id: {"greeting": "Ahoy", "token": CANARY}},
        "config": {"default_llm_config_id": bot.llm_config_id, "mode_config": {}},
    }
    answer = await stage.admin.post("{org}/orchestrators", body)
    change = {
        "name": {"to": "second"},
        "framework_type": {"to": "langgraph"},
        "mode": {"to": "supervisor"},
        "status": {"to": "active"},
        "config.default_llm_config_id": {"to": bot.llm_config_id},
        f"plugin_settings.{bot.plugin_id}.greeting": {"to": "Ahoy"},
        f"plugin_settings.{bot.plugin_id}.token": {"to": SECRET},
        "active_plugin_ids": {"to": [bot.plugin_id]},
    }
    told = Told("orchestrator.create", made(answer)["id"], "second", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def change_orchestrator(stage: Stage) -> Done:
    bot = await stage.bot()
    body = {"name": "renamed", "status": "disabled"}
    answer = await stage.admin.patch(f"{{org}}/orchestrators/{bot.id}", body)
    change = {
        "name": {"from": "bot", "to": "renamed"},
        "status": {"from": "active", "to": "disabled"},
    }
    told = Told("orchestrator.disable", bot.id, "renamed", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def change_config(stage: Stage) -> Done:
    bot = await stage.bot()
    other = made(await stage.admin.upload("{org}/plugins/upload", tools_plugin("2.0.0")))
    body = {"active_plugin_ids": [other["id"]], "config": {"mode_config": {"invoke_timeout": 5}}}
    answer = await stage.admin.patch(f"{{org}}/orchestrators/{bot.id}/config", body)
    change = {
        "config.mode_config.invoke_timeout": {"to": 5},
        "active_plugin_ids": {"from": [bot.plugin_id], "to": [other["id"]]},
    }
    told = Told("orchestrator.change", bot.id, "bot", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def change_plugin_settings(stage: Stage) -> Done:
    bot = await stage.bot()
    place = f"{{org}}/orchestrators/{bot.id}/plugin-settings"
    before = {"plugin_settings": {bot.plugin_id: {"token": CANARY}}}
    made(await stage.admin.patch(place, before))
    after = {"plugin_settings": {bot.plugin_id: {"token": f"{CANARY}-2", "greeting": "Ahoy"}}}
    answer = await stage.admin.patch(place, after)
    change = {
        f"plugin_settings.{bot.plugin_id}.token": {"from": SECRET, "to": SECRET},
        f"plugin_settings.{bot.plugin_id}.greeting": {"to": "Ahoy"},
    }
    told = Told("orchestrator.change", bot.id, "bot", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def upgrade_plugin(stage: Stage) -> Done:
    bot = await stage.bot()
    place = f"{{org}}/orchestrators/{bot.id}"
    values = {"plugin_settings": {bot.plugin_id: {"token": CANARY, "greeting": "Ahoy"}}}
    made(await stage.admin.patch(f"{place}/plugin-settings", values))
    newer = made(await stage.admin.upload("{org}/plugins/upload", tools_plugin("2.0.0")))
    answer = await stage.admin.post(f"{place}/plugins/{bot.plugin_id}/upgrade", {})
    change = {
        f"plugin_settings.{bot.plugin_id}.token": {"from": SECRET},
        f"plugin_settings.{newer['id']}.token": {"to": SECRET},
        f"plugin_settings.{bot.plugin_id}.greeting": {"from": "Ahoy"},
        f"plugin_settings.{newer['id']}.greeting": {"to": "Ahoy"},
        "active_plugin_ids": {"from": [bot.plugin_id], "to": [newer["id"]]},
    }
    told = Told("orchestrator.change", bot.id, "bot", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def remove_orchestrator(stage: Stage) -> Done:
    bot = await stage.bot()
    answer = await stage.admin.delete(f"{{org}}/orchestrators/{bot.id}")
    change = {
        "name": {"from": "bot"},
        "framework_type": {"from": "langgraph"},
        "mode": {"from": "supervisor"},
        "status": {"from": "active"},
        "config.default_llm_config_id": {"from": bot.llm_config_id},
    }
    told = Told("orchestrator.remove", bot.id, "bot", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def load_orchestrator(stage: Stage) -> Done:
    bot = await stage.bot()
    answer = await stage.admin.post(f"{{org}}/orchestrators/{bot.id}/load", {"tier": "warm"})
    return Done(answer, stage.admin)


async def unload_orchestrator(stage: Stage) -> Done:
    bot = await stage.bot()
    answer = await stage.admin.post(f"{{org}}/orchestrators/{bot.id}/unload")
    return Done(answer, stage.admin)


async def chat(stage: Stage) -> Done:
    bot = await stage.bot()
    stage.model.script(Say("x"), Say("Hello."))
    return Done(await bot.chat("Hello"), stage.member)


async def stream_turn(stage: Stage) -> Done:
    bot = await stage.bot()
    stage.model.script(Say("x"), Say("Hello."))
    body = {"instance_id": bot.id, "message": "Hello"}
    return Done(await stage.member.post("{org}/completion/stream", body), stage.member)


async def cancel_run(stage: Stage) -> Done:
    bot = await stage.bot()
    stage.model.script(Say("x"), Say("one two three four five six seven", delay_per_word=0.3))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bot.stream("Tell me a story"))
        await stage.model.wait_for_calls(2, within=30)
        answer = await stage.member.post(f"{{org}}/runs/{await _running(bot)}/cancel")
    return Done(answer, stage.member)


async def _running(bot: Bot) -> str:
    """Return the run under way: its conversation is there before its model is called."""
    (conversation,) = (await bot.member.get("{org}/conversations")).json()["items"]
    place = f"{{org}}/conversations/{conversation['id']}/messages"
    run_id: str = (await bot.member.get(place)).json()["items"][0]["run_id"]
    return run_id


async def rename_conversation(stage: Stage) -> Done:
    place = f"{{org}}/conversations/{await stage.conversation()}"
    return Done(await stage.member.patch(place, {"title": "Other"}), stage.member)


async def remove_conversation(stage: Stage) -> Done:
    place = f"{{org}}/conversations/{await stage.conversation()}"
    return Done(await stage.member.delete(place), stage.member)


async def fork_conversation(stage: Stage) -> Done:
    place = f"{{org}}/conversations/{await stage.conversation()}"
    first = (await stage.member.get(f"{place}/messages")).json()["items"][0]
    answer = await stage.member.post(f"{place}/fork", {"message_id": first["id"]})
    return Done(answer, stage.member)


CASES = cases(
    create_orchestrator,
    change_orchestrator,
    change_config,
    change_plugin_settings,
    upgrade_plugin,
    remove_orchestrator,
    load_orchestrator,
    unload_orchestrator,
    chat,
    stream_turn,
    cancel_run,
    rename_conversation,
    remove_conversation,
    fork_conversation,
)
