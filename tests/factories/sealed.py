"""Rows with sealed keys and sealed plugin settings, put into a store without the API."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from cadence.domains.llm_configs.keys import KeySeals
from cadence.domains.orchestrators.plugin_values import PluginValueSealer
from cadence.domains.plugins.mcp_headers import HeaderSeals
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import (
    LlmConfig,
    McpServer,
    Orchestrator,
    Organization,
    Plugin,
)
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.actors import operator_actor
from cadence.kernel.ids import OrchestratorId, OrganizationId, new_uuid

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCHEMA: list[dict[str, Any]] = [
    {"key": "token", "type": "str", "description": "A secret.", "sensitive": True},
    {"key": "login", "type": "dict", "description": "A secret too.", "sensitive": True},
    {"key": "greeting", "type": "str", "description": "No secret."},
]


@dataclass(kw_only=True)
class SealedRows:
    """What is in a store, and what everything that is sealed there was before."""

    sessions: Sessions
    plugin_id: UUID = field(default_factory=new_uuid)
    keys: dict[int, str] = field(default_factory=dict)
    values: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    headers: dict[UUID, dict[str, str]] = field(default_factory=dict)

    async def add_organization(self, name: str) -> OrganizationId:
        organization_id = OrganizationId(new_uuid())
        row = Organization(
            id=organization_id, name=name, status="active", created_at=NOON, updated_at=NOON
        )
        async with transaction(self.sessions, PLATFORM, actor=operator_actor()) as session:
            session.add(row)
        return organization_id

    async def add_configs(
        self, sealer: Sealer, organization_id: OrganizationId, *, count: int, **fields: Any
    ) -> list[int]:
        """Store LLM configs with a key of their own each; returns their ids."""
        seals = KeySeals(sealer, organization_id)
        made: dict[str, LlmConfig] = {}
        for number in range(count):
            key = f"sk-canary-{organization_id}-{number}"
            said = {"provider": "openai", "name": key, **fields}
            made[key] = LlmConfig(
                organization_id=organization_id,
                options={},
                version=7,
                created_at=NOON,
                updated_at=NOON,
                **said,
            )
            seals.put(made[key], key)
        async with transaction(self.sessions, PLATFORM, actor=operator_actor()) as session:
            session.add_all(made.values())
        self.keys |= {config.id: key for key, config in made.items()}
        return [config.id for config in made.values()]

    async def add_orchestrators(
        self, sealer: Sealer, organization_id: OrganizationId, *, count: int
    ) -> list[UUID]:
        """Store orchestrators with two sealed plugin settings each; returns their ids."""
        made = [self._orchestrator(sealer, organization_id) for _ in range(count)]
        async with transaction(self.sessions, PLATFORM, actor=operator_actor()) as session:
            session.add_all(made)
        return [row.id for row in made]

    def _orchestrator(self, sealer: Sealer, organization_id: OrganizationId) -> Orchestrator:
        row_id = OrchestratorId(new_uuid())
        values = {
            "token": f"canary-{row_id}",
            "login": {"user": "ada", "password": f"canary-{row_id}"},
            "greeting": 'Say "$sealed":"v1.k9.x"',
        }
        self.values[row_id] = values
        seals = PluginValueSealer(
            sealer=sealer, organization_id=organization_id, orchestrator_id=row_id
        )
        return Orchestrator(
            id=row_id,
            organization_id=organization_id,
            name=f"bot {row_id}",
            framework_type="langgraph",
            mode="supervisor",
            status="active",
            config={},
            plugin_settings={str(self.plugin_id): seals.seal(self.plugin_id, SCHEMA, values)},
            config_hash=f"hash of {row_id}"[:64],
            created_at=NOON,
            updated_at=NOON,
        )

    async def add_servers(
        self, sealer: Sealer, organization_id: OrganizationId, *, count: int
    ) -> list[UUID]:
        """Store MCP servers with headers of their own each; returns their ids."""
        made = [self._server(sealer, organization_id) for _ in range(count)]
        async with transaction(self.sessions, PLATFORM, actor=operator_actor()) as session:
            session.add_all(_plugin_of(server) for server in made)
            await session.flush()
            session.add_all(made)
        return [row.id for row in made]

    def _server(self, sealer: Sealer, organization_id: OrganizationId) -> McpServer:
        row_id = new_uuid()
        server = McpServer(
            id=row_id,
            organization_id=organization_id,
            plugin_id=new_uuid(),
            name=f"server {row_id}",
            url="https://mcp.example.org/mcp",
            call_timeout=30.0,
            created_at=NOON,
            updated_at=NOON,
        )
        self.headers[row_id] = {"authorization": f"canary-{row_id}"}
        HeaderSeals(sealer, organization_id).put(server, self.headers[row_id])
        return server

    async def servers(self) -> dict[UUID, McpServer]:
        """Return what is stored."""
        async with transaction(self.sessions, PLATFORM, read_only=True) as session:
            return {row.id: row for row in await session.scalars(select(McpServer))}

    async def opened_headers(self, sealer: Sealer) -> dict[UUID, dict[str, str]]:
        """Open the headers of every stored server; raises `SecretUnreadable`."""
        return {
            row.id: dict(HeaderSeals(sealer, OrganizationId(row.organization_id)).open(row))
            for row in (await self.servers()).values()
        }

    async def configs(self) -> dict[int, LlmConfig]:
        """Return what is stored."""
        async with transaction(self.sessions, PLATFORM, read_only=True) as session:
            return {row.id: row for row in await session.scalars(select(LlmConfig))}

    async def orchestrators(self) -> dict[UUID, Orchestrator]:
        """Return what is stored."""
        async with transaction(self.sessions, PLATFORM, read_only=True) as session:
            return {row.id: row for row in await session.scalars(select(Orchestrator))}

    async def opened_keys(self, sealer: Sealer) -> dict[int, str]:
        """Open every stored key; raises `SecretUnreadable`."""
        return {
            config.id: KeySeals(sealer, OrganizationId(config.organization_id)).open(config)
            for config in (await self.configs()).values()
        }

    async def opened_values(self, sealer: Sealer) -> dict[UUID, dict[str, Any]]:
        """Open the plugin settings of every stored orchestrator; raises `SecretUnreadable`."""
        return {
            row.id: PluginValueSealer(
                sealer=sealer,
                organization_id=OrganizationId(row.organization_id),
                orchestrator_id=OrchestratorId(row.id),
            ).open(self.plugin_id, row.plugin_settings[str(self.plugin_id)])
            for row in (await self.orchestrators()).values()
        }


def _plugin_of(server: McpServer) -> Plugin:
    return Plugin(
        id=server.plugin_id,
        organization_id=server.organization_id,
        pid=f"mcp.{server.plugin_id}",
        name=server.name,
        version="1.0",
        kind="mcp",
        description="",
        capabilities=[],
        dependencies=[],
        settings_schema=[],
        stateless=True,
        sdk_version="",
        is_latest=True,
        sha256="-",
        size_bytes=0,
        created_at=NOON,
    )
