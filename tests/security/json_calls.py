"""Every call that takes JSON, with a body that is right until a test spoils something in it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from tests.factories.plugins import HOST, tools_plugin
from tests.fakes.mcp_servers import lasting_mcp_url
from tests.fixtures.clients import Client, Organization, create_organization
from tests.fixtures.service import PASSWORD

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """An organization with an orchestrator on the stand-in model, and people to change."""

    anonymous: Client
    sys_admin: Client
    organization: Organization
    other: Organization
    llm_config_id: int
    plugin_id: str
    mcp_server_id: str
    orchestrator_id: str
    conversation_id: str
    message_id: str

    @property
    def admin(self) -> Client:
        return self.organization.admin

    @property
    def member(self) -> Client:
        return self.organization.member

    def over(self, http: httpx.AsyncClient) -> "Scene":
        """Return the same people behind another connection, for another event loop."""
        return replace(
            self,
            anonymous=_client(self.anonymous, http),
            sys_admin=_client(self.sys_admin, http),
            organization=_over(self.organization, http),
            other=_over(self.other, http),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonCall:
    """One operation as `docs/openapi.json` names it; `places` fills the braces of its path."""

    method: str
    route: str
    who: Callable[[Scene], Client]
    body: Callable[[Scene], JsonObject]
    places: Callable[[Scene], dict[str, str]] = lambda _: {}

    @property
    def name(self) -> str:
        return f"{self.method} {self.route}"

    async def send(
        self,
        scene: Scene,
        content: bytes | None,
        *,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send these bytes as the one who may."""
        places = {"org": scene.organization.id, **self.places(scene)}
        return await self.who(scene).request(
            self.method,
            self.route.format(**places),
            content=content,
            headers={"Content-Type": "application/json"} if headers is None else headers,
        )


async def build_scene(http: httpx.AsyncClient, sys_admin: Client) -> Scene:
    """Make all that the calls need."""
    organization = await create_organization(http, sys_admin)
    other = await create_organization(http, sys_admin)
    admin = organization.admin
    llm_config_id = (await _made(admin, "{org}/llm-configs", _LLM_CONFIG))["id"]
    plugin = await admin.upload("{org}/plugins/upload", tools_plugin(network=[HOST]))
    plugin_id = plugin.json()["id"]
    tools = await _made(admin, "{org}/mcp-servers", mcp_server())
    made = await _made(admin, "{org}/orchestrators", orchestrator(llm_config_id, plugin_id))
    begun = await _made(
        organization.member,
        "{org}/completion/chat",
        {"instance_id": made["id"], "message": "Greet Ada"},
    )
    place = f"{{org}}/conversations/{begun['conversation_id']}/messages"
    messages = await organization.member.get(place)
    return Scene(
        anonymous=Client(http, None, "none"),
        sys_admin=sys_admin,
        organization=organization,
        other=other,
        llm_config_id=llm_config_id,
        plugin_id=plugin_id,
        mcp_server_id=tools["id"],
        orchestrator_id=made["id"],
        conversation_id=begun["conversation_id"],
        message_id=messages.json()["items"][0]["id"],
    )


async def _made(client: Client, path: str, body: JsonObject) -> JsonObject:
    answer = await client.post(path, body)
    assert answer.is_success, answer.text
    made: JsonObject = answer.json()
    return made


def _over(organization: Organization, http: httpx.AsyncClient) -> Organization:
    admin, member = organization.admin, organization.member
    return replace(organization, admin=_client(admin, http), member=_client(member, http))


def _client(client: Client, http: httpx.AsyncClient) -> Client:
    return Client(http, client.token, client.organization_id)


def mcp_server() -> JsonObject:
    """Return a body that uses every field."""
    return {
        "name": f"tools {_mark()}",
        "url": lasting_mcp_url(),
        "description": "Adds up.",
        "headers": {"X-Key": "a-key-for-tools"},
        "allowed_tools": ["add"],
        "call_timeout": 10,
    }


def orchestrator(llm_config_id: int, plugin_id: str) -> JsonObject:
    """Return a body with every kind of field that an orchestrator has."""
    return {
        "name": "bot",
        "framework_type": "langgraph",
        "mode": "supervisor",
        "active_plugin_ids": [plugin_id],
        "follow_latest": [plugin_id],
        "config": {
            "default_llm_config_id": llm_config_id,
            "mode_config": {
                "max_agent_hops": 3,
                "invoke_timeout": 30,
                "temperature": 0.5,
                "message_window": 10,
                "compaction": "trim",
                "supervisor_node": {"llm_config_id": llm_config_id},
            },
        },
        "plugin_settings": {plugin_id: {"greeting": "Hello", "token": "a sensitive one"}},
    }


_LLM_CONFIG = {"name": "stand-in", "provider": "offline", "model_name": "offline-1"}


def _mark() -> str:
    """Return a word for a name that must not be taken yet."""
    return secrets.token_hex(6)


def _login(_: Scene) -> JsonObject:
    return {"username": "nobody-by-that-name", "password": PASSWORD}


def _turn(scene: Scene) -> JsonObject:
    return {
        "instance_id": scene.orchestrator_id,
        "message": "Greet Ada",
        "conversation_id": scene.conversation_id,
        "resource_id": None,
        "on_disconnect": "continue",
    }


def _whole_orchestrator(scene: Scene) -> JsonObject:
    return orchestrator(scene.llm_config_id, scene.plugin_id)


def _part_of_orchestrator(scene: Scene, part: str) -> JsonObject:
    return {part: _whole_orchestrator(scene)[part]}


def _as_anybody(scene: Scene) -> Client:
    return scene.anonymous


def _as_sys_admin(scene: Scene) -> Client:
    return scene.sys_admin


def _as_admin(scene: Scene) -> Client:
    return scene.admin


def _as_member(scene: Scene) -> Client:
    return scene.member


def _of_orchestrator(scene: Scene) -> dict[str, str]:
    return {"orchestrator_id": scene.orchestrator_id}


def _of_conversation(scene: Scene) -> dict[str, str]:
    return {"conversation_id": scene.conversation_id}


_ORG = "/api/orgs/{org}"
_ADMIN_ORG = "/api/admin/orgs/{org}"
_BOT = _ORG + "/orchestrators/{orchestrator_id}"

JSON_CALLS = (
    JsonCall(method="POST", route="/api/auth/login", who=_as_anybody, body=_login),
    JsonCall(
        method="PATCH",
        route="/api/me/profile",
        who=_as_member,
        body=lambda _: {
            "email": f"{_mark()}@example.org",
            "display_name": "Ada",
            "password": "another-long-password",
            "current_password": "not-the-right-one",
        },
    ),
    JsonCall(
        method="POST",
        route="/api/admin/users",
        who=_as_sys_admin,
        body=lambda _: {
            "username": f"new-{_mark()}",
            "email": f"{_mark()}@example.org",
            "display_name": "New",
            "password": PASSWORD,
        },
    ),
    JsonCall(
        method="PATCH",
        route="/api/admin/users/{user}",
        who=_as_sys_admin,
        body=lambda _: {
            "email": f"{_mark()}@example.org",
            "display_name": "Other",
            "password": PASSWORD,
            "is_sys_admin": False,
            "is_disabled": False,
        },
        places=lambda scene: {"user": scene.other.member_id},
    ),
    JsonCall(
        method="POST",
        route="/api/admin/orgs",
        who=_as_sys_admin,
        body=lambda _: {"name": f"Somewhere {_mark()}"},
    ),
    JsonCall(
        method="PATCH",
        route=_ADMIN_ORG,
        who=_as_sys_admin,
        body=lambda scene: {"name": f"Renamed {scene.other.id}", "status": "active"},
        places=lambda scene: {"org": scene.other.id},
    ),
    JsonCall(
        method="POST",
        route=_ADMIN_ORG + "/users",
        who=_as_sys_admin,
        body=lambda _: {
            "username": f"enrolled-{_mark()}",
            "email": f"{_mark()}@example.org",
            "display_name": "Enrolled",
            "password": PASSWORD,
            "is_admin": False,
        },
    ),
    JsonCall(
        method="POST",
        route=_ORG + "/members",
        who=_as_admin,
        body=lambda scene: {"user_id": scene.other.admin_id, "is_admin": False},
    ),
    JsonCall(
        method="PATCH",
        route=_ORG + "/users/{user}/membership",
        who=_as_admin,
        body=lambda _: {"is_admin": False},
        places=lambda scene: {"user": scene.organization.member_id},
    ),
    JsonCall(
        method="POST",
        route=_ORG + "/llm-configs",
        who=_as_admin,
        body=lambda _: {
            "name": f"azure {_mark()}",
            "provider": "azure_openai",
            "api_key": "a-key-for-azure",
            "model_name": "deployment",
            "base_url": "https://azure.example.org",
            "options": {"api_version": "2024-10-21"},
        },
    ),
    JsonCall(
        method="PATCH",
        route=_ORG + "/llm-configs/{id}",
        who=_as_admin,
        body=lambda _: {"name": "stand-in", "model_name": "offline-1", "options": {}},
        places=lambda scene: {"id": str(scene.llm_config_id)},
    ),
    JsonCall(
        method="POST",
        route=_ORG + "/mcp-servers",
        who=_as_admin,
        body=lambda _: mcp_server(),
    ),
    JsonCall(
        method="PATCH",
        route=_ORG + "/mcp-servers/{server_id}",
        who=_as_admin,
        body=lambda _: mcp_server(),
        places=lambda scene: {"server_id": scene.mcp_server_id},
    ),
    JsonCall(
        method="POST",
        route=_ORG + "/orchestrators",
        who=_as_admin,
        body=lambda scene: {**_whole_orchestrator(scene), "name": f"bot {_mark()}"},
    ),
    JsonCall(
        method="PATCH",
        route=_BOT,
        who=_as_admin,
        body=lambda _: {"name": "bot", "status": "active"},
        places=_of_orchestrator,
    ),
    JsonCall(
        method="PATCH",
        route=_BOT + "/config",
        who=_as_admin,
        body=lambda scene: {
            **_part_of_orchestrator(scene, "active_plugin_ids"),
            **_part_of_orchestrator(scene, "follow_latest"),
            **_part_of_orchestrator(scene, "config"),
            **_part_of_orchestrator(scene, "plugin_settings"),
        },
        places=_of_orchestrator,
    ),
    JsonCall(
        method="PATCH",
        route=_BOT + "/plugin-settings",
        who=_as_admin,
        body=lambda scene: _part_of_orchestrator(scene, "plugin_settings"),
        places=_of_orchestrator,
    ),
    JsonCall(
        method="PUT",
        route=_ORG + "/plugins/{plugin_id}/network",
        who=_as_admin,
        body=lambda _: {"approved": [HOST]},
        places=lambda scene: {"plugin_id": scene.plugin_id},
    ),
    JsonCall(
        method="POST",
        route=_BOT + "/plugins/{plugin_id}/upgrade",
        who=_as_admin,
        body=lambda scene: {
            "to": scene.plugin_id,
            "settings": {"greeting": "Ahoy", "token": "a sensitive one"},
            "dry_run": False,
        },
        places=lambda scene: {**_of_orchestrator(scene), "plugin_id": scene.plugin_id},
    ),
    JsonCall(
        method="POST",
        route=_BOT + "/load",
        who=_as_admin,
        body=lambda _: {"tier": "warm"},
        places=_of_orchestrator,
    ),
    JsonCall(method="POST", route=_ORG + "/completion/stream", who=_as_member, body=_turn),
    JsonCall(method="POST", route=_ORG + "/completion/chat", who=_as_member, body=_turn),
    JsonCall(
        method="PATCH",
        route=_ORG + "/conversations/{conversation_id}",
        who=_as_member,
        body=lambda _: {"title": "Greetings"},
        places=_of_conversation,
    ),
    JsonCall(
        method="POST",
        route=_ORG + "/conversations/{conversation_id}/fork",
        who=_as_member,
        body=lambda scene: {"message_id": scene.message_id},
        places=_of_conversation,
    ),
    JsonCall(
        method="POST",
        route=_ORG + "/api-keys",
        who=_as_admin,
        body=lambda _: {"name": "robot", "role": "user", "expires_in_days": 30},
    ),
    JsonCall(
        method="PATCH",
        route=_ORG + "/settings",
        who=_as_admin,
        body=lambda _: {"max_agent_hops": 5, "compaction": "trim"},
    ),
    JsonCall(
        method="PATCH",
        route="/api/admin/settings/{key}",
        who=_as_sys_admin,
        body=lambda _: {"value": 0.5, "overridable": True},
        places=lambda _: {"key": "temperature"},
    ),
)
