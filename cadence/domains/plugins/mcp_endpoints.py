"""Where the tools of MCP plugins are called, for those who build orchestrators."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.plugins.mcp_headers import HeaderSeals
from cadence.domains.plugins.schemas import PluginKind
from cadence.infra.database.tables import McpServer, Plugin
from cadence.kernel.ids import OrganizationId
from cadence.plugin_host.mcp.endpoint import McpEndpoint


class McpEndpointRepository:
    """Rows of one organization's MCP servers, as far as builds need them."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._own = select(McpServer).where(McpServer.organization_id == organization_id)

    async def list_of(self, plugin_ids: Collection[UUID]) -> Sequence[McpServer]:
        """Return the servers behind these plugins."""
        query = self._own.where(McpServer.plugin_id.in_(plugin_ids))
        return (await self._session.scalars(query)).all()


class McpEndpoints:
    """Opens what builds need of one organization's MCP servers."""

    def __init__(self, servers: McpEndpointRepository, seals: HeaderSeals) -> None:
        self._servers = servers
        self._seals = seals

    async def of(self, plugins: Collection[Plugin]) -> Mapping[UUID, McpEndpoint]:
        """Return the endpoint of each plugin that is an MCP server, by the plugin's row id.

        Raises `SecretUnreadable` when headers do not open.
        """
        ids = [plugin.id for plugin in plugins if plugin.kind == PluginKind.MCP]
        if not ids:
            return {}
        return {row.plugin_id: self._read(row) for row in await self._servers.list_of(ids)}

    def _read(self, row: McpServer) -> McpEndpoint:
        return endpoint_of(row, self._seals.open(row))


def endpoint_of(row: McpServer, headers: Mapping[str, str]) -> McpEndpoint:
    """Return a row's endpoint with these headers."""
    allowed = row.allowed_tools
    return McpEndpoint(
        url=row.url,
        headers=headers,
        allowed_tools=None if allowed is None else tuple(allowed),
        call_timeout=row.call_timeout,
    )
