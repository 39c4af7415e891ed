"""The story with the canaries: people, keys, plugins and turns, most of them going wrong."""

from dataclasses import dataclass
from typing import Any

from tests.fakes.sockets import unused_port
from tests.fixtures.clients import Client
from tests.fixtures.orchestrators import read_events
from tests.security.canary_model import WISHES
from tests.security.canary_plugin import leaky_plugin
from tests.security.canary_stage import Stage

JsonObject = dict[str, Any]
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(slots=True)
class Cast:
    """Who plays, and what they have made so far."""

    root: Client
    admin: Client
    member: Client
    llm_config_id: int = 0
    bot: str = ""
    plugin: str = ""


async def people(stage: Stage, root_password: str) -> Cast:
    """Create people in every way, and log in in every way."""
    root = await stage.log_in("root", root_password)
    organization = await root.post("/api/admin/orgs", {"name": "Canaries"})
    stage.organization_id = organization.json()["org_id"]
    passwords = {name: stage.canary(f"password of {name}") for name in ("admin", "member")}
    await _create_people(stage, root, passwords)
    await _fail_to_log_in(stage)
    admin = await stage.log_in("admin", passwords["admin"])
    member = await stage.log_in("member", passwords["member"])
    new, wrong = stage.canary("new password of member"), stage.canary("wrong current password")
    for current in (wrong, passwords["member"]):
        change = {"password": new, "current_password": current}
        await member.patch("/api/me/profile", change)
    return Cast(root, admin, member)


async def _create_people(stage: Stage, root: Client, passwords: dict[str, str]) -> None:
    place = f"/api/admin/orgs/{stage.organization_id}/users"
    for name, password in passwords.items():
        person = {"username": name, "password": password, "is_admin": name == "admin"}
        await root.post(place, person)
        await root.post(place, person)  # taken
    await root.post(place, {"username": "made-up"})
    bad_name = {"username": "x", "password": stage.canary("password of a bad name")}
    too_long = {"username": "long", "password": stage.canary("password that is too long") * 3}
    for body in (bad_name, too_long):
        await root.post("/api/admin/users", body)


async def _fail_to_log_in(stage: Stage) -> None:
    wrong = stage.canary("wrong password")
    for username in ("admin", wrong, "bob\nERROR forged \x1b[31m"):
        body = {"username": username, "password": wrong}
        await stage.nobody.post("/api/auth/login", body)


async def llm_configs(stage: Stage, cast: Cast) -> None:
    """Bring a key to every provider: a good one, a refused one, one for nobody."""
    urls = {
        "azure_openai": stage.model.azure_url,
        "anthropic": stage.model.anthropic_url,
        "google": stage.model.gemini_url,
        "openai": stage.model.openai_url,
        "openai_compatible": stage.model.openai_url,
    }
    for provider, url in urls.items():
        cast.llm_config_id = await _try_provider(stage, cast, provider, url=url)
    await _wrong_llm_configs(stage, cast)
    await cast.member.get("{org}/llm-configs")


async def _try_provider(stage: Stage, cast: Cast, provider: str, *, url: str) -> int:
    body = {
        "name": provider,
        "provider": provider,
        "api_key": stage.canary(f"key of {provider}"),
        "model_name": "scripted",
        "base_url": url,
    }
    config_id = int((await cast.admin.post("{org}/llm-configs", body)).json()["id"])
    place = f"{{org}}/llm-configs/{config_id}"
    await cast.admin.post("{org}/llm-configs", body)  # taken
    await cast.admin.post(f"{place}/test")
    stage.model.refused_keys.add(body["api_key"])
    await cast.admin.post(f"{place}/test")
    nowhere = f"http://127.0.0.1:{unused_port()}"
    for base_url in (nowhere, url):
        moved = {"base_url": base_url, "api_key": stage.canary(f"changed key of {provider}")}
        await cast.admin.patch(place, moved)
        await cast.admin.post(f"{place}/test")
    await cast.admin.patch(place, {"base_url": nowhere})  # the key is missing
    await cast.member.post(f"{place}/test")
    await cast.admin.get(place)
    return config_id


async def _wrong_llm_configs(stage: Stage, cast: Cast) -> None:
    key = stage.canary("key in a wrong body")
    right = {"name": "wrong", "provider": "openai", "api_key": key}
    wrong: list[JsonObject] = [
        {**right, "provider": "nobody"},
        {**right, "unknown": key},
        {**right, "api_key": f"{key} with a blank"},
        {**right, "api_key": key * 100},
        {**right, "api_key": [key]},
        {**right, "api_key": {"key": key}},
        {**right, "options": {"organization": "ü", "nothing": "x"}},
        {**right, "base_url": f"https://user:{key}@example.org/v1"},
        {**right, "base_url": f"https://example.org/v1?key={key}"},
        {**right, "base_url": "http://169.254.169.254/v1"},
        {**right, "model_name": "../.."},
        {"api_key": key},
    ]
    for body in wrong:
        await cast.admin.post("{org}/llm-configs", body)
    query = {"after": key, "limit": "0", "api_key": key}
    await cast.admin.get("{org}/llm-configs", params=query)


async def orchestrators(stage: Stage, cast: Cast) -> None:
    """Compose orchestrators whose plugin is given secrets, rightly and wrongly."""
    uploaded = await cast.admin.upload("{org}/plugins/upload", leaky_plugin())
    cast.plugin = uploaded.json()["id"]
    right = composed(cast, "bot", token=stage.canary("plugin setting"))
    cast.bot = (await cast.admin.post("{org}/orchestrators", right)).json()["id"]
    await cast.admin.post("{org}/orchestrators", right)  # taken
    await _wrong_plugin_settings(stage, cast)
    breaking = composed(cast, "broken", token=stage.canary("setting of a broken one"), breaks=True)
    broken = (await cast.admin.post("{org}/orchestrators", breaking)).json()["id"]
    await chat(stage, cast, "hello", bot=broken)
    place = f"{{org}}/orchestrators/{cast.bot}"
    for token in (stage.canary("changed plugin setting"), "********"):
        change = {"plugin_settings": {cast.plugin: {"token": token}}}
        await cast.admin.patch(f"{place}/plugin-settings", change)
    for path in (place, f"{place}/graph", "{org}/orchestrators", "{org}/plugins"):
        await cast.member.get(path)
    await cast.admin.delete(f"{{org}}/plugins/{cast.plugin}")  # in use


async def _wrong_plugin_settings(stage: Stage, cast: Cast) -> None:
    token = stage.canary("plugin setting in a wrong body")
    wrong: list[JsonObject] = [
        {cast.plugin: {"token": [token]}},
        {cast.plugin: {"token": {"nested": token}}},
        {cast.plugin: {"token": token, "unknown": token}},
        {cast.plugin: {"token": token, "breaks": token}},
        {NOBODY: {"token": token}},
        {"no id": {"token": token}},
    ]
    for settings in wrong:
        body = {**composed(cast, "wrong", token=token), "plugin_settings": settings}
        await cast.admin.post("{org}/orchestrators", body)
        place = f"{{org}}/orchestrators/{cast.bot}/plugin-settings"
        await cast.admin.patch(place, {"plugin_settings": settings})


def composed(cast: Cast, name: str, **settings: object) -> JsonObject:
    """Return a body for an orchestrator with these settings of its plugin."""
    limits = {"invoke_timeout": 20, "supervisor_timeout": 5}
    return {
        "name": name,
        "framework_type": "langgraph",
        "mode": "supervisor",
        "active_plugin_ids": [cast.plugin],
        "config": {"default_llm_config_id": cast.llm_config_id, "mode_config": limits},
        "plugin_settings": {cast.plugin: settings},
    }


async def chat(stage: Stage, cast: Cast, wish: str, *, bot: str = "") -> None:
    """Say something and wait for the whole answer."""
    body = {"instance_id": bot or cast.bot, "message": stage.message(wish)}
    await cast.member.post("{org}/completion/chat", body)


async def turns(stage: Stage, cast: Cast) -> None:
    """Talk, with every fault of models and tools."""
    member = cast.member
    for wish in WISHES:
        body = {"instance_id": cast.bot, "message": stage.message(wish)}
        streamed = await member.post("{org}/completion/stream", body)
        opened = read_events(streamed)[0].fields
        run, conversation = opened["run_id"], opened["conversation_id"]
        await member.get(f"{{org}}/runs/{run}/events", headers={"Last-Event-ID": "2"})
        await cast.admin.get(f"{{org}}/runs/{run}/events")  # somebody else's
        await member.post(f"{{org}}/runs/{run}/cancel")  # over
        await member.get(f"{{org}}/conversations/{conversation}/messages")
        await chat(stage, cast, wish)
    foreign = {"instance_id": cast.bot, "message": "hello", "conversation_id": NOBODY}
    await member.post("{org}/completion/chat", foreign)
    place = f"{{org}}/orchestrators/{cast.bot}"
    await cast.admin.patch(place, {"status": "disabled"})
    await chat(stage, cast, "hello")
    await cast.admin.patch(place, {"status": "active"})
