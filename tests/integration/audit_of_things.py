"""Settings, LLM configs and plugins: every call that changes something, and its trail."""

import secrets
from typing import Any

import httpx

from tests.factories.plugins import PID, tools_plugin
from tests.fakes.mcp_servers import lasting_mcp_url
from tests.fakes.model_server import Say
from tests.integration.audit_stage import (
    ANYTHING,
    CANARY,
    PLATFORM,
    SECRET,
    Done,
    Stage,
    Told,
    cases,
    made,
)


async def change_settings(stage: Stage) -> Done:
    first = {"temperature": 0.5}
    made(await stage.admin.patch("{org}/settings", first))
    answer = await stage.admin.patch("{org}/settings", {"temperature": 1, "message_window": 7})
    told = [
        Told(
            "setting.change",
            "temperature",
            "temperature",
            stage.org_id,
            {"value": {"from": 0.5, "to": 1}},
        ),
        Told(
            "setting.create",
            "message_window",
            "message_window",
            stage.org_id,
            {"value": {"to": 7}},
        ),
    ]
    return Done(answer, stage.admin, told)


async def reset_setting(stage: Stage) -> Done:
    made(await stage.admin.patch("{org}/settings", {"temperature": 0.5}))
    answer = await stage.admin.delete("{org}/settings/temperature")
    change = {"value": {"from": 0.5}}
    told = Told("setting.remove", "temperature", "temperature", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def change_global_setting(stage: Stage) -> Done:
    body = {"value": 0.25, "overridable": True}
    answer = await stage.root.patch("/api/admin/settings/temperature", body)
    silence = {"value": None, "overridable": None}
    made(await stage.root.patch("/api/admin/settings/temperature", silence))
    change = {"value": {"to": 0.25}, "overridable": {"to": True}}
    told = Told("setting.create", "temperature", "temperature", PLATFORM, change)
    return Done(answer, stage.root, [told])


async def create_llm_config(stage: Stage) -> Done:
    body = {"name": "main", "provider": "openai", "api_key": f"sk-{CANARY}", "model_name": "m"}
    answer = await stage.admin.post("{org}/llm-configs", body)
    change = {
        "name": {"to": "main"},
        "provider": {"to": "openai"},
        "model_name": {"to": "m"},
        "secret_id": {"to": SECRET},
        "sealed_key": {"to": SECRET},
        "key_hint": {"to": SECRET},
    }
    told = Told("llm_config.create", str(made(answer)["id"]), "main", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def change_llm_config(stage: Stage) -> Done:
    config_id = (await stage.llm_config())["id"]
    body = {"name": "other", "api_key": f"sk-2-{CANARY}-2"}
    answer = await stage.admin.patch(f"{{org}}/llm-configs/{config_id}", body)
    renewed = {"from": SECRET, "to": SECRET}
    change = {
        "name": {"from": "main", "to": "other"},
        "secret_id": renewed,
        "sealed_key": renewed,
        "key_hint": renewed,
    }
    told = Told("llm_config.change", str(config_id), "other", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def remove_llm_config(stage: Stage) -> Done:
    config_id = (await stage.llm_config())["id"]
    answer = await stage.admin.delete(f"{{org}}/llm-configs/{config_id}")
    gone = {"from": SECRET}
    change = {
        "name": {"from": "main"},
        "provider": {"from": "openai"},
        "secret_id": gone,
        "sealed_key": gone,
        "key_hint": gone,
    }
    told = Told("llm_config.remove", str(config_id), "main", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def test_llm_config(stage: Stage) -> Done:
    bot = await stage.bot()
    stage.model.script(Say("Hello."))
    answer = await stage.admin.post(f"{{org}}/llm-configs/{bot.llm_config_id}/test")
    return Done(answer, stage.admin)


async def upload_plugin(stage: Stage) -> Done:
    answer = await stage.admin.upload("{org}/plugins/upload", tools_plugin("1.2.0"))
    # An older version takes nothing from the newer one, and a newer one's `is_latest` goes untold.
    answer = await stage.admin.upload("{org}/plugins/upload", tools_plugin("1.3.0"))
    return Done(answer, stage.admin, [_plugin("create", made(answer), stage.org_id)])


async def remove_plugin(stage: Stage) -> Done:
    await stage.admin.upload("{org}/plugins/upload", tools_plugin("1.2.0"))
    plugin = made(await stage.admin.upload("{org}/plugins/upload", tools_plugin("1.3.0")))
    answer = await stage.admin.delete(f"{{org}}/plugins/{plugin['id']}")
    return Done(answer, stage.admin, [_plugin("remove", plugin, stage.org_id)])


async def change_plugin_network(stage: Stage) -> Done:
    content = tools_plugin(network=["a.example.com", "b.example.com"])
    plugin = made(await stage.admin.upload("{org}/plugins/upload", content))
    place = f"{{org}}/plugins/{plugin['id']}/network"
    made(await stage.admin.put(place, {"approved": ["a.example.com"]}))
    answer = await stage.admin.put(place, {"approved": ["b.example.com"]})
    told = [
        _approval("create", "b.example.com", stage.org_id),
        _approval("remove", "a.example.com", stage.org_id),
    ]
    return Done(answer, stage.admin, told)


async def validate_plugin(stage: Stage) -> Done:
    return Done(await stage.admin.upload("{org}/plugins/validate", tools_plugin()), stage.admin)


async def upload_system_plugin(stage: Stage) -> Done:
    content = tools_plugin(pid=f"com.acme.a{secrets.token_hex(6)}")
    answer = await stage.root.upload("/api/admin/plugins/upload", content)
    await stage.root.delete(f"/api/admin/plugins/{made(answer)['id']}")
    return Done(answer, stage.root, [_plugin("create", made(answer), PLATFORM)])


async def remove_system_plugin(stage: Stage) -> Done:
    content = tools_plugin(pid=f"com.acme.a{secrets.token_hex(6)}")
    plugin = made(await stage.root.upload("/api/admin/plugins/upload", content))
    answer = await stage.root.delete(f"/api/admin/plugins/{plugin['id']}")
    return Done(answer, stage.root, [_plugin("remove", plugin, PLATFORM)])


async def create_mcp_server(stage: Stage) -> Done:
    answer = await _register(stage)
    server = made(answer)
    told = [
        _mcp_plugin("create", server, stage.org_id),
        _mcp_server("create", server, stage.org_id),
    ]
    return Done(answer, stage.admin, told)


async def change_mcp_server(stage: Stage) -> Done:
    server = made(await _register(stage))
    body = {"name": "Rain", "headers": {"X-Key": f"other {CANARY}"}}
    answer = await stage.admin.patch(f"{{org}}/mcp-servers/{server['id']}", body)
    renewed = {"from": SECRET, "to": SECRET}
    change = {
        "name": {"from": "Weather", "to": "Rain"},
        "secret_id": renewed,
        "sealed_headers": renewed,
    }
    changes = {
        "name": {"from": "Weather", "to": "Rain"},
        "version": {"from": "1.0", "to": "1.1"},
        "description": ANYTHING,
        "sha256": ANYTHING,
    }
    told = [
        Told("mcp_server.change", server["id"], "Rain", stage.org_id, change),
        Told("plugin.change", server["plugin_id"], "mcp.weather 1.1", stage.org_id, changes),
    ]
    return Done(answer, stage.admin, told)


async def remove_mcp_server(stage: Stage) -> Done:
    server = made(await _register(stage))
    answer = await stage.admin.delete(f"{{org}}/mcp-servers/{server['id']}")
    told = [
        _mcp_server("remove", server, stage.org_id),
        _mcp_plugin("remove", server, stage.org_id),
    ]
    return Done(answer, stage.admin, told)


async def test_mcp_server(stage: Stage) -> Done:
    server = made(await _register(stage))
    answer = await stage.admin.post(f"{{org}}/mcp-servers/{server['id']}/test")
    return Done(answer, stage.admin)


async def _register(stage: Stage) -> httpx.Response:
    headers = {"X-Key": f"key {CANARY}"}
    body = {"name": "Weather", "url": lasting_mcp_url(), "headers": headers}
    return await stage.admin.post("{org}/mcp-servers", body)


def _mcp_rows(verb: str, server: dict[str, Any], org_id: str | None) -> list[Told]:
    return [_mcp_server(verb, server, org_id), _mcp_plugin(verb, server, org_id)]


def _mcp_server(verb: str, server: dict[str, Any], org_id: str | None) -> Told:
    side = "to" if verb == "create" else "from"
    values = {
        "name": "Weather",
        "url": server["url"],
        "plugin_id": server["plugin_id"],
        "header_names": ANYTHING,
        "secret_id": SECRET,
        "sealed_headers": SECRET,
        "call_timeout": 30.0,
    }
    change = {key: {side: value} for key, value in values.items()}
    return Told(f"mcp_server.{verb}", server["id"], "Weather", org_id, change)


def _mcp_plugin(verb: str, server: dict[str, Any], org_id: str | None) -> Told:
    side = "to" if verb == "create" else "from"
    said = {"pid": "mcp.weather", "version": "1.0", "name": "Weather", "kind": "mcp"}
    empty: dict[str, list[str]] = {
        "capabilities": [],
        "dependencies": [],
        "network": [],
        "settings_schema": [],
    }
    more = dict.fromkeys(("description", "tools", "state", "stateless", "sdk_version"), ANYTHING)
    values = {**said, **empty, **more, "sha256": ANYTHING, "size_bytes": 0}
    change = {key: {side: value} for key, value in values.items()}
    return Told(f"plugin.{verb}", server["plugin_id"], "mcp.weather 1.0", org_id, change)


def _plugin(verb: str, plugin: dict[str, Any], org_id: str | None) -> Told:
    side = "to" if verb == "create" else "from"
    values = {
        "pid": plugin["pid"],
        "name": "Tools",
        "version": plugin["version"],
        "description": "Greets people and fails in every way.",
        "capabilities": ["greeting"],
        "dependencies": [],
        "network": [],
        "kind": "package",
        "state": ANYTHING,
        "tools": ANYTHING,
        "stateless": ANYTHING,
        "settings_schema": ANYTHING,
        "sdk_version": ANYTHING,
        "sha256": ANYTHING,
        "size_bytes": ANYTHING,
    }
    change = {key: {side: value} for key, value in values.items()}
    return Told(
        f"plugin.{verb}", plugin["id"], f"{plugin['pid']} {plugin['version']}", org_id, change
    )


def _approval(verb: str, host: str, org_id: str) -> Told:
    change = {"pid": {"to" if verb == "create" else "from": PID}}
    return Told(f"plugin_network_approval.{verb}", host, f"{PID} {host}", org_id, change)


CASES = cases(
    change_settings,
    reset_setting,
    change_global_setting,
    create_llm_config,
    change_llm_config,
    remove_llm_config,
    test_llm_config,
    upload_plugin,
    remove_plugin,
    change_plugin_network,
    validate_plugin,
    create_mcp_server,
    change_mcp_server,
    remove_mcp_server,
    test_mcp_server,
    upload_system_plugin,
    remove_system_plugin,
)
