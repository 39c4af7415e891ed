"""Rows of one organization in every table that has an owner, without HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from cadence.infra.database.base import Base
from cadence.infra.database.tables import (
    ApiKey,
    AuditEntry,
    Conversation,
    ConversationSummary,
    LlmConfig,
    McpServer,
    Membership,
    Message,
    NetworkApproval,
    Orchestrator,
    OrchestratorPlugin,
    Organization,
    OutboxEvent,
    Plugin,
    Setting,
    UsageEntry,
    User,
)
from cadence.kernel.ids import (
    ApiKeyId,
    ConversationId,
    LlmConfigId,
    McpServerId,
    MessageId,
    OrchestratorId,
    OrganizationId,
    PluginId,
    UserId,
    new_ulid,
    new_uuid,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER = "organization_id"
SERVER_NAME = "Weather"
SHARED_PLUGIN = PluginId(UUID(int=7))


def owned_tables() -> list[Table]:
    """Return every table that has an organization."""
    return [table for table in Base.metadata.sorted_tables if OWNER in table.columns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The ids of what one organization has.

    Both organizations call everything by the same names, and of each id one is the next of the
    other's, so that only the organization tells their rows apart.
    """

    number: int
    id: OrganizationId
    admin: UserId
    member: UserId
    llm_config: LlmConfigId
    plugin: PluginId
    mcp_plugin: PluginId
    mcp_server: McpServerId
    newer_plugin: PluginId
    orchestrator: OrchestratorId
    conversation: ConversationId
    question: MessageId
    answer: MessageId
    api_key: ApiKeyId

    def rows(self) -> Iterator[Base]:
        """Yield new rows, in an order in which none refers to a later one."""
        times = {"created_at": NOON + timedelta(minutes=self.number), "updated_at": NOON}
        owner = {"organization_id": self.id}
        yield Organization(id=self.id, name=f"tenant {self.number}", status="active", **times)
        yield from self._people(times)
        yield from self._plugins()
        yield LlmConfig(
            id=self.llm_config,
            name="model",
            provider="openai",
            model_name="gpt",
            options={},
            secret_id=new_ulid(),
            sealed_key="v1.k1.text",
            **owner,
            **times,
        )
        yield from self._orchestrators(times)
        yield from self._talk(times)
        yield Setting(id=new_uuid(), key="message_window", value=20, updated_at=NOON, **owner)
        yield AuditEntry(
            id=new_uuid(),
            actor_kind="user",
            actor_id=str(self.admin),
            actor_name="admin",
            address="127.0.0.1",
            request_id=new_ulid(),
            action="llm_config.create",
            object_type="llm_config",
            object_id="model",
            object_name="model",
            change={},
            created_at=NOON,
            **owner,
        )
        yield OutboxEvent(id=new_uuid(), event={}, created_at=NOON, **owner)
        yield usage(self.id, self.orchestrator, run_id=new_ulid())

    def _people(self, times: dict[str, datetime]) -> Iterator[Base]:
        for user, name in ((self.admin, "admin"), (self.member, "member")):
            username = f"{name}-{self.number}"
            yield User(id=user, username=username, password_hash="-", **times)
        for user, is_admin in ((self.admin, True), (self.member, False)):
            yield Membership(
                organization_id=self.id, user_id=user, is_admin=is_admin, created_at=NOON
            )

    def _plugins(self) -> Iterator[Base]:
        yield plugin(self.plugin, self.id, version="1.0.0", is_latest=False)
        yield plugin(self.newer_plugin, self.id, version="1.1.0", is_latest=True)
        yield approval(self.id, "api.example.com")
        yield mcp_plugin(self.mcp_plugin, self.id)
        yield mcp_server(self.mcp_server, self.id, self.mcp_plugin)

    def _orchestrators(self, times: dict[str, datetime]) -> Iterator[Base]:
        yield Orchestrator(
            id=self.orchestrator,
            organization_id=self.id,
            name="bot",
            framework_type="langgraph",
            mode="supervisor",
            status="active",
            config={"default_llm_config_id": self.llm_config},
            plugin_settings={},
            config_hash="-",
            **times,
        )
        yield OrchestratorPlugin(
            orchestrator_id=self.orchestrator,
            plugin_id=self.plugin,
            organization_id=self.id,
            position=0,
        )

    def _talk(self, times: dict[str, datetime]) -> Iterator[Base]:
        yield ApiKey(
            id=self.api_key,
            organization_id=self.id,
            name="robot",
            role="user",
            key_hash=f"hash {self.number}",
            key_hint="abcd",
            created_at=NOON,
            expires_at=NOON + timedelta(days=90),
        )
        yield Conversation(
            id=self.conversation,
            organization_id=self.id,
            user_id=self.member,
            orchestrator_id=self.orchestrator,
            title="greeting",
            message_count=0,
            **times,
        )
        for position, identity in enumerate((self.question, self.answer)):
            yield message(identity, self, position)
        yield ConversationSummary(
            conversation_id=self.conversation,
            organization_id=self.id,
            up_to_position=0,
            content="a greeting",
            created_at=NOON,
        )


def tenant(number: int) -> Tenant:
    """Return the ids of the organization of this number."""
    names = ("id", "admin", "member", "plugin", "newer_plugin", "orchestrator", "conversation")
    more = ("question", "answer", "api_key", "mcp_plugin", "mcp_server")
    ids: dict[str, Any] = {
        name: UUID(int=(place << 16) + number)
        for place, name in enumerate((*names, *more), start=1)
    }
    return Tenant(number=number, llm_config=LlmConfigId(100 + number), **ids)


def shared_rows() -> Sequence[Base]:
    """Return what belongs to no organization and every one may read."""
    return [
        plugin(SHARED_PLUGIN, None, version="1.0.0", is_latest=True),
        Setting(id=new_uuid(), organization_id=None, key="temperature", value=1, updated_at=NOON),
    ]


def plugin(
    plugin_id: PluginId, owner: OrganizationId | None, *, version: str, is_latest: bool
) -> Plugin:
    """Return one version of the plugin that every organization has one of its own."""
    return Plugin(
        id=plugin_id,
        organization_id=owner,
        pid="com.acme.tools",
        name="Tools",
        version=version,
        description="",
        capabilities=[],
        dependencies=[],
        settings_schema=[],
        stateless=True,
        sdk_version="1",
        is_latest=is_latest,
        sha256="-",
        size_bytes=1,
        created_at=NOON,
    )


def mcp_plugin(plugin_id: PluginId, owner: OrganizationId) -> Plugin:
    """Return what the catalog says of the organization's MCP server."""
    row = plugin(plugin_id, owner, version="1.0", is_latest=True)
    row.pid, row.name, row.kind = "mcp.weather", SERVER_NAME, "mcp"
    row.tools = [{"name": "add", "description": "Adds."}]
    return row


def mcp_server(
    server_id: McpServerId, owner: OrganizationId, plugin_id: PluginId, *, name: str = SERVER_NAME
) -> McpServer:
    """Return a registered server; its headers open nowhere."""
    return McpServer(
        id=server_id,
        organization_id=owner,
        plugin_id=plugin_id,
        name=name,
        url="https://mcp.example.com/mcp",
        secret_id=new_ulid(),
        sealed_headers="v1.k1.text",
        header_names=["x-key"],
        allowed_tools=None,
        call_timeout=30.0,
        created_at=NOON,
        updated_at=NOON,
    )


def approval(owner: OrganizationId, host: str) -> NetworkApproval:
    """Return the organization's consent to what its plugin may call."""
    return NetworkApproval(
        id=new_uuid(), organization_id=owner, pid="com.acme.tools", host=host, approved_at=NOON
    )


def usage(owner: OrganizationId, orchestrator_id: OrchestratorId, *, run_id: str) -> UsageEntry:
    """Return what a run of the organization has used of a model."""
    return UsageEntry(
        id=new_uuid(),
        organization_id=owner,
        run_id=run_id,
        orchestrator_id=orchestrator_id,
        provider="openai",
        model="gpt",
        day=NOON.date(),
        input_tokens=10,
        output_tokens=1,
        llm_calls=1,
        created_at=NOON,
    )


def message(message_id: MessageId, owner: Tenant, position: int) -> Message:
    """Return a message of the organization's conversation."""
    return Message(
        id=message_id,
        organization_id=owner.id,
        conversation_id=owner.conversation,
        position=position,
        run_id=new_ulid(),
        role="user" if position % 2 == 0 else "assistant",
        content="Greet Ada",
        status="completed",
        agents=[],
        tools=[],
        created_at=NOON,
    )
