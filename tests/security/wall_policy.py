"""Who may call each operation, and which ids it takes: one line for every operation there is.

`test_tenant_walls` fails for an operation without a line, and for a line without an operation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.security import wall_bodies as bodies


class Who(StrEnum):
    """Whom an operation is for; a sys_admin may whatever a person may."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed in"
    PERSON = "person"
    SYS_ADMIN = "sys_admin"
    MEMBER = "member"
    ORG_ADMIN = "org_admin"
    ADMIN_PERSON = "org_admin who is a person"


class Id(StrEnum):
    """What an id is of."""

    ORGANIZATION = "organization"
    USER = "user"
    SESSION = "session"
    API_KEY = "api key"
    SETTING = "setting"
    LLM_CONFIG = "llm config"
    PLUGIN = "plugin"
    MCP_SERVER = "mcp server"
    SYSTEM_PLUGIN = "system plugin"
    ORCHESTRATOR = "orchestrator"
    CONVERSATION = "conversation"
    MESSAGE = "message"
    RUN = "run"


# Whose owner is one person, not the whole organization.
PRIVATE = frozenset({Id.CONVERSATION, Id.MESSAGE, Id.RUN, Id.SESSION})
# What is the same everywhere: a key that somebody else has set is a right one.
PUBLIC = frozenset({Id.SETTING})


@dataclass(frozen=True, slots=True)
class Named:
    """An id in a body: what it is of, and the status for one that is not there."""

    id: Id
    missing: int = 422
    # Users belong to the platform: somebody who is elsewhere may come here as well.
    may_be_foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A right body, once it is given an id for each of its places."""

    build: Callable[[Mapping[str, object]], object] | None = None
    ids: Mapping[str, Named] = field(default_factory=dict)
    is_upload: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One operation; `query` names ids that narrow a list."""

    who: Who
    path: Mapping[str, Id] = field(default_factory=dict)
    query: Mapping[str, Id] = field(default_factory=dict)
    bodies: Sequence[Body] = (Body(),)


def _rule(who: Who, *sent: Body, query: Mapping[str, Id] | None = None, **path: Id) -> Rule:
    return Rule(who=who, path=path, query=query or {}, bodies=sent or (Body(),))


def _of_member(*sent: Body, query: Mapping[str, Id] | None = None, **path: Id) -> Rule:
    return _rule(Who.MEMBER, *sent, query=query, org=Id.ORGANIZATION, **path)


def _of_admin(*sent: Body, query: Mapping[str, Id] | None = None, **path: Id) -> Rule:
    return _rule(Who.ORG_ADMIN, *sent, query=query, org=Id.ORGANIZATION, **path)


_NODES = {
    f"config.mode_config.{node}_node.llm_config_id": Named(Id.LLM_CONFIG) for node in bodies.NODES
}
_CONFIG = {
    "active_plugin_ids.0": Named(Id.PLUGIN),
    "config.default_llm_config_id": Named(Id.LLM_CONFIG),
    **_NODES,
}
_VALUES = {"plugin_settings.*": Named(Id.PLUGIN)}
_FOLLOWED = {"follow_latest.0": Named(Id.PLUGIN)}
_ENTRY = {"config.mode_config.entry_agent": Named(Id.PLUGIN)}

_LOGIN = Body(build=bodies.login)
_PROFILE = Body(build=bodies.profile)
_USER = Body(build=bodies.user)
_FLAGS = Body(build=bodies.flags)
_NEW_ORGANIZATION = Body(build=bodies.organization)
_RENAMED = Body(build=bodies.renamed)
_MEMBER = Body(build=bodies.member, ids={"user_id": Named(Id.USER, may_be_foreign=True)})
_ROLE = Body(build=bodies.role)
_SETTINGS = Body(build=bodies.settings)
_SETTING = Body(build=bodies.setting)
_API_KEY = Body(build=bodies.api_key)
_LLM_CONFIG = Body(build=bodies.llm_config)
_MODEL = Body(build=bodies.model)
_MCP_SERVER = Body(build=bodies.mcp_server)
_ZIP = Body(is_upload=True)
_NETWORK = Body(build=bodies.network)
_SUPERVISOR = Body(build=bodies.supervisor, ids={**_CONFIG, **_VALUES})
_HANDOFF = Body(build=bodies.handoff, ids={**_ENTRY, **_FOLLOWED})
_NAME = Body(build=bodies.name)
_CONFIGURED = Body(build=bodies.config_and_values, ids={**_CONFIG, **_VALUES})
_FOLLOWING = Body(build=bodies.following, ids=_FOLLOWED)
_VERSION = Body(build=bodies.version, ids={"to": Named(Id.PLUGIN)})
_PLUGIN_VALUES = Body(build=bodies.values, ids=_VALUES)
_TURN = Body(
    build=bodies.turn,
    ids={
        "instance_id": Named(Id.ORCHESTRATOR, missing=404),
        "conversation_id": Named(Id.CONVERSATION, missing=404),
    },
)
_TIER = Body(build=bodies.tier)
_TITLE = Body(build=bodies.title)
_FORK = Body(build=bodies.fork, ids={"message_id": Named(Id.MESSAGE)})

_AUDITED = {"actor_id": Id.USER, "object_id": Id.ORCHESTRATOR}

POLICY: Mapping[str, Rule] = {
    "GET /health": _rule(Who.ANYBODY),
    "GET /ready": _rule(Who.ANYBODY),
    "GET /metrics": _rule(Who.SYS_ADMIN),
    "GET /api/admin/health": _rule(Who.SYS_ADMIN),
    "GET /api/admin/pool/stats": _rule(Who.SYS_ADMIN),
    "POST /api/auth/login": _rule(Who.ANYBODY, _LOGIN),
    "DELETE /api/auth/logout": _rule(Who.PERSON),
    "GET /api/me": _rule(Who.PERSON),
    "PATCH /api/me/profile": _rule(Who.PERSON, _PROFILE),
    "GET /api/me/sessions": _rule(Who.PERSON),
    "DELETE /api/me/sessions/{session}": _rule(Who.PERSON, session=Id.SESSION),
    "GET /api/me/orgs": _rule(Who.PERSON),
    "GET /api/orgs": _rule(Who.SIGNED_IN),
    "GET /api/engine/providers": _rule(Who.SIGNED_IN),
    "GET /api/engine/frameworks": _rule(Who.SIGNED_IN),
    "GET /api/engine/supervisor/prompts": _rule(Who.SIGNED_IN),
    "POST /api/admin/users": _rule(Who.SYS_ADMIN, _USER),
    "GET /api/admin/users": _rule(Who.SYS_ADMIN),
    "PATCH /api/admin/users/{user}": _rule(Who.SYS_ADMIN, _FLAGS, user=Id.USER),
    "DELETE /api/admin/users/{user}": _rule(Who.SYS_ADMIN, user=Id.USER),
    "POST /api/admin/orgs": _rule(Who.SYS_ADMIN, _NEW_ORGANIZATION),
    "GET /api/admin/orgs": _rule(Who.SYS_ADMIN),
    "GET /api/admin/orgs/{org}": _rule(Who.SYS_ADMIN, org=Id.ORGANIZATION),
    "PATCH /api/admin/orgs/{org}": _rule(Who.SYS_ADMIN, _RENAMED, org=Id.ORGANIZATION),
    "DELETE /api/admin/orgs/{org}": _rule(Who.SYS_ADMIN, org=Id.ORGANIZATION),
    "POST /api/admin/orgs/{org}/users": _rule(Who.SYS_ADMIN, _USER, org=Id.ORGANIZATION),
    "GET /api/admin/settings": _rule(Who.SYS_ADMIN),
    "PATCH /api/admin/settings/{key}": _rule(Who.SYS_ADMIN, _SETTING, key=Id.SETTING),
    "POST /api/admin/plugins/upload": _rule(Who.SYS_ADMIN, _ZIP),
    "GET /api/admin/plugins": _rule(Who.SYS_ADMIN),
    "GET /api/admin/plugins/{plugin_id}": _rule(Who.SYS_ADMIN, plugin_id=Id.SYSTEM_PLUGIN),
    "DELETE /api/admin/plugins/{plugin_id}": _rule(Who.SYS_ADMIN, plugin_id=Id.SYSTEM_PLUGIN),
    "GET /api/admin/audit": _rule(Who.SYS_ADMIN, query={**_AUDITED, "org_id": Id.ORGANIZATION}),
    "GET /api/orgs/{org}/audit": _of_admin(query=_AUDITED),
    "GET /api/orgs/{org}/usage": _of_admin(query={"instance_id": Id.ORCHESTRATOR}),
    "GET /api/orgs/{org}/members": _of_admin(),
    "POST /api/orgs/{org}/members": _of_admin(_MEMBER),
    "PATCH /api/orgs/{org}/users/{user}/membership": _of_admin(_ROLE, user=Id.USER),
    "DELETE /api/orgs/{org}/users/{user}": _of_admin(user=Id.USER),
    "GET /api/orgs/{org}/settings": _of_admin(),
    "PATCH /api/orgs/{org}/settings": _of_admin(_SETTINGS),
    "DELETE /api/orgs/{org}/settings/{key}": _of_admin(key=Id.SETTING),
    "POST /api/orgs/{org}/llm-configs": _of_admin(_LLM_CONFIG),
    "GET /api/orgs/{org}/llm-configs": _of_member(),
    "GET /api/orgs/{org}/llm-configs/{id}": _of_admin(id=Id.LLM_CONFIG),
    "PATCH /api/orgs/{org}/llm-configs/{id}": _of_admin(_MODEL, id=Id.LLM_CONFIG),
    "DELETE /api/orgs/{org}/llm-configs/{id}": _of_admin(id=Id.LLM_CONFIG),
    "POST /api/orgs/{org}/llm-configs/{id}/test": _of_admin(id=Id.LLM_CONFIG),
    "POST /api/orgs/{org}/plugins/upload": _of_admin(_ZIP),
    "POST /api/orgs/{org}/plugins/validate": _of_admin(_ZIP),
    "GET /api/orgs/{org}/plugins": _of_member(),
    "GET /api/orgs/{org}/plugins/{plugin_id}": _of_member(plugin_id=Id.PLUGIN),
    "DELETE /api/orgs/{org}/plugins/{plugin_id}": _of_admin(plugin_id=Id.PLUGIN),
    "GET /api/orgs/{org}/plugins/{plugin_id}/network": _of_admin(plugin_id=Id.PLUGIN),
    "PUT /api/orgs/{org}/plugins/{plugin_id}/network": _of_admin(_NETWORK, plugin_id=Id.PLUGIN),
    "POST /api/orgs/{org}/mcp-servers": _of_admin(_MCP_SERVER),
    "GET /api/orgs/{org}/mcp-servers": _of_admin(),
    "GET /api/orgs/{org}/mcp-servers/{server_id}": _of_admin(server_id=Id.MCP_SERVER),
    "PATCH /api/orgs/{org}/mcp-servers/{server_id}": _of_admin(_NAME, server_id=Id.MCP_SERVER),
    "DELETE /api/orgs/{org}/mcp-servers/{server_id}": _of_admin(server_id=Id.MCP_SERVER),
    "POST /api/orgs/{org}/mcp-servers/{server_id}/test": _of_admin(server_id=Id.MCP_SERVER),
    "POST /api/orgs/{org}/orchestrators": _of_admin(_SUPERVISOR, _HANDOFF),
    "GET /api/orgs/{org}/orchestrators": _of_member(),
    "GET /api/orgs/{org}/orchestrators/{orchestrator_id}": _of_member(
        orchestrator_id=Id.ORCHESTRATOR
    ),
    "PATCH /api/orgs/{org}/orchestrators/{orchestrator_id}": _of_admin(
        _NAME, orchestrator_id=Id.ORCHESTRATOR
    ),
    "PATCH /api/orgs/{org}/orchestrators/{orchestrator_id}/config": _of_admin(
        _CONFIGURED, _FOLLOWING, orchestrator_id=Id.ORCHESTRATOR
    ),
    "PATCH /api/orgs/{org}/orchestrators/{orchestrator_id}/plugin-settings": _of_admin(
        _PLUGIN_VALUES, orchestrator_id=Id.ORCHESTRATOR
    ),
    "POST /api/orgs/{org}/orchestrators/{orchestrator_id}/plugins/{plugin_id}/upgrade": _of_admin(
        _VERSION, orchestrator_id=Id.ORCHESTRATOR, plugin_id=Id.PLUGIN
    ),
    "GET /api/orgs/{org}/orchestrators/{orchestrator_id}/graph": _of_member(
        orchestrator_id=Id.ORCHESTRATOR
    ),
    "POST /api/orgs/{org}/orchestrators/{orchestrator_id}/load": _of_admin(
        _TIER, orchestrator_id=Id.ORCHESTRATOR
    ),
    "POST /api/orgs/{org}/orchestrators/{orchestrator_id}/unload": _of_admin(
        orchestrator_id=Id.ORCHESTRATOR
    ),
    "GET /api/orgs/{org}/orchestrators/{orchestrator_id}/status": _of_member(
        orchestrator_id=Id.ORCHESTRATOR
    ),
    "DELETE /api/orgs/{org}/orchestrators/{orchestrator_id}": _of_admin(
        orchestrator_id=Id.ORCHESTRATOR
    ),
    "POST /api/orgs/{org}/completion/stream": _of_member(_TURN),
    "POST /api/orgs/{org}/completion/chat": _of_member(_TURN),
    "GET /api/orgs/{org}/runs/{run_id}/events": _of_member(run_id=Id.RUN),
    "POST /api/orgs/{org}/runs/{run_id}/cancel": _of_member(run_id=Id.RUN),
    "GET /api/orgs/{org}/conversations": _of_member(query={"instance_id": Id.ORCHESTRATOR}),
    "GET /api/orgs/{org}/conversations/{conversation_id}": _of_member(
        conversation_id=Id.CONVERSATION
    ),
    "GET /api/orgs/{org}/conversations/{conversation_id}/messages": _of_member(
        conversation_id=Id.CONVERSATION
    ),
    "PATCH /api/orgs/{org}/conversations/{conversation_id}": _of_member(
        _TITLE, conversation_id=Id.CONVERSATION
    ),
    "POST /api/orgs/{org}/conversations/{conversation_id}/fork": _of_member(
        _FORK, conversation_id=Id.CONVERSATION
    ),
    "DELETE /api/orgs/{org}/conversations/{conversation_id}": _of_member(
        conversation_id=Id.CONVERSATION
    ),
    "POST /api/orgs/{org}/api-keys": _rule(Who.ADMIN_PERSON, _API_KEY, org=Id.ORGANIZATION),
    "GET /api/orgs/{org}/api-keys": _rule(Who.ADMIN_PERSON, org=Id.ORGANIZATION),
    "DELETE /api/orgs/{org}/api-keys/{key}": _rule(
        Who.ADMIN_PERSON, org=Id.ORGANIZATION, key=Id.API_KEY
    ),
}
