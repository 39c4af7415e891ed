"""Two organizations that have something of every kind, and those who look over the wall."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

import httpx
from sqlalchemy import insert

from cadence.bootstrap import database_url
from cadence.config.settings import Settings
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import ConversationSummary
from cadence.infra.database.transaction import transaction
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from tests.factories.plugins import HOST, tools_plugin
from tests.fakes.mcp_servers import lasting_mcp_url
from tests.fixtures.clients import Client, Organization, create_organization, log_in, open_http
from tests.fixtures.service import PASSWORD, SYS_ADMIN, Service
from tests.security.wall_policy import Id, Rule, Who

SYSTEM_PID = "com.acme.everywhere"


class Caller(StrEnum):
    """Who looks over the wall; whoever belongs somewhere belongs to our organization."""

    NOBODY = "no token"
    GARBAGE = "a garbage token"
    GARBAGE_KEY = "a garbage key"
    STRANGER = "somebody of no organization"
    MEMBER = "a plain member"
    ADMIN = "an admin"
    KEY = "a member's service key"
    ADMIN_KEY = "an admin's service key"
    SYS_ADMIN = "a sys_admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """One of each kind that an organization has; the private ones are its member's.

    `marks` are words and ids that nobody else's answers may hold.
    """

    organization: Organization
    ids: Mapping[Id, str | int]
    marks: tuple[str, ...]
    keys: Mapping[Caller, str]

    @property
    def id(self) -> str:
        return self.organization.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everybody and everything; `tokens` are what the callers sign in with."""

    service: Service
    ours: Belongings
    theirs: Belongings
    tokens: Mapping[Caller, str | None]


def build_scene(service: Service, *, theirs: Belongings | None = None) -> Scene:
    """Make all of it, through the API where that can.

    `theirs` is what is left of another scene, where nothing can have happened to it.
    """
    return asyncio.run(_build(service, theirs))


async def _build(service: Service, kept: Belongings | None) -> Scene:
    async with open_http(service.base_url) as http:
        root = Client(http, await log_in(http, SYS_ADMIN), "none")
        system = await root.upload("/api/admin/plugins/upload", tools_plugin(pid=SYSTEM_PID))
        assert system.is_success, system.text
        ours = await _furnish(http, root, system_plugin=system.json()["id"])
        theirs = kept or await _furnish(http, root, system_plugin=system.json()["id"])
        tokens = {
            Caller.NOBODY: None,
            Caller.GARBAGE: "no-token-at-all",
            Caller.GARBAGE_KEY: "cadence_sk_" + secrets.token_urlsafe(32),
            Caller.STRANGER: await _stranger(http, root),
            Caller.MEMBER: ours.organization.member.token,
            Caller.ADMIN: ours.organization.admin.token,
            Caller.SYS_ADMIN: root.token,
            **ours.keys,
        }
    for owner in (ours,) if kept else (ours, theirs):
        await _add_summary(service.settings, owner)
    return Scene(service=service, ours=ours, theirs=theirs, tokens=tokens)


async def _furnish(http: httpx.AsyncClient, root: Client, *, system_plugin: str) -> Belongings:
    organization = await create_organization(http, root)
    admin, member = organization.admin, organization.member
    word = f"mark-{secrets.token_hex(8)}"
    model = {"name": f"model {word}", "provider": "offline", "model_name": "offline-1"}
    llm_config = (await _made(admin, "{org}/llm-configs", model))["id"]
    plugin = await admin.upload("{org}/plugins/upload", tools_plugin(network=[HOST]))
    assert plugin.is_success, plugin.text
    network = f"{{org}}/plugins/{plugin.json()['id']}/network"
    assert (await admin.put(network, {"approved": [HOST]})).status_code == 200
    tools = {"name": f"tools {word}", "url": lasting_mcp_url(), "headers": {"X-Key": "the-key"}}
    mcp_server = await _made(admin, "{org}/mcp-servers", tools)
    bot = await _made(admin, "{org}/orchestrators", _bot(word, llm_config, plugin.json()["id"]))
    said = {"instance_id": bot["id"], "message": f"Greet Ada, {word}"}
    turn = await _made(member, "{org}/completion/chat", said)
    told = await member.get(f"{{org}}/conversations/{turn['conversation_id']}/messages")
    sessions = await member.get("/api/me/sessions")
    asked = (await admin.patch("{org}/settings", {"message_window": 20})).status_code
    assert asked == 200
    keys = {
        caller: await _made(admin, "{org}/api-keys", {"name": f"{role} {word}", "role": role})
        for caller, role in {Caller.KEY: "user", Caller.ADMIN_KEY: "org_admin"}.items()
    }
    ids = {
        Id.ORGANIZATION: organization.id,
        Id.USER: organization.member_id,
        Id.SESSION: sessions.json()["items"][0]["session_id"],
        Id.API_KEY: keys[Caller.KEY]["id"],
        Id.SETTING: "message_window",
        Id.LLM_CONFIG: llm_config,
        Id.PLUGIN: plugin.json()["id"],
        Id.SYSTEM_PLUGIN: system_plugin,
        Id.MCP_SERVER: mcp_server["id"],
        Id.ORCHESTRATOR: bot["id"],
        Id.CONVERSATION: turn["conversation_id"],
        Id.MESSAGE: told.json()["items"][0]["id"],
        Id.RUN: turn["run_id"],
    }
    shared = {Id.SETTING, Id.SYSTEM_PLUGIN, Id.LLM_CONFIG}
    private = [str(value) for kind, value in ids.items() if kind not in shared]
    return Belongings(
        organization=organization,
        ids=ids,
        marks=(word, organization.admin_id, *private),
        keys={caller: str(key["key"]) for caller, key in keys.items()},
    )


async def _made(client: Client, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    answer = await client.post(path, body)
    assert answer.is_success, f"{path}: {answer.text}"
    made: dict[str, Any] = answer.json()
    return made


def _bot(word: str, llm_config: object, plugin: str) -> dict[str, object]:
    return {
        "name": f"bot {word}",
        "framework_type": "langgraph",
        "mode": "supervisor",
        "active_plugin_ids": [plugin],
        "config": {"default_llm_config_id": llm_config},
        "plugin_settings": {plugin: {"greeting": word, "token": f"secret {word}"}},
    }


async def _stranger(http: httpx.AsyncClient, root: Client) -> str:
    username = f"stranger-{secrets.token_hex(6)}"
    await _made(root, "/api/admin/users", {"username": username, "password": PASSWORD})
    return await log_in(http, username)


async def _add_summary(settings: Settings, owner: Belongings) -> None:
    """Add what only a conversation too long for its model would get."""
    async with open_database(database_url(settings), pool_size=1) as engine:
        sessions = build_sessions(engine)
        async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
            await session.execute(
                insert(ConversationSummary).values(
                    conversation_id=UUID(str(owner.ids[Id.CONVERSATION])),
                    organization_id=UUID(owner.id),
                    up_to_position=0,
                    content=f"A greeting, {owner.marks[0]}",
                    created_at=SystemClock().now(),
                )
            )


def entitled(scene: Scene, owner: Belongings, rule: Rule) -> str | None:
    """Return the token of somebody who may make a call about what an organization has."""
    match rule.who:
        case Who.ANYBODY:
            return None
        case Who.SIGNED_IN | Who.PERSON:
            # One who has no id in the path may as well be anybody, also when it ends a session.
            return owner.organization.member.token if rule.path else scene.tokens[Caller.STRANGER]
        case Who.MEMBER:
            return owner.organization.member.token
        case Who.ORG_ADMIN | Who.ADMIN_PERSON:
            return owner.organization.admin.token
        case Who.SYS_ADMIN:
            return scene.tokens[Caller.SYS_ADMIN]
        case _:
            assert_never(rule.who)
