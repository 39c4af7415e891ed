"""Rows of one organization's MCP servers."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.mcp_servers.schemas import McpServerQuery
from cadence.infra.database.folding import contains
from cadence.infra.database.listing import (
    Order,
    by_text,
    by_time,
    by_uuid,
    narrowed,
    page_entities,
)
from cadence.infra.database.tables import McpServer
from cadence.kernel.ids import McpServerId, OrganizationId
from cadence.kernel.paging import Page

MCP_SERVERS = Order(
    id=by_uuid(McpServer.id),
    keys={"name": by_text(McpServer.name), "created_at": by_time(McpServer.created_at)},
)


class McpServerRepository:
    """MCP servers of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._own = select(McpServer).where(McpServer.organization_id == organization_id)

    async def page(self, query: McpServerQuery) -> Page[McpServer]:
        """Return a page, unsorted in the order of creation."""
        rows = narrowed(self._own, contains(query.search, McpServer.name, McpServer.url))
        return await page_entities(self._session, rows, order=MCP_SERVERS, request=query.request())

    async def find(self, server_id: McpServerId) -> McpServer | None:
        """Return the row, or None when this organization has none by that id."""
        return await self._session.scalar(self._own.where(McpServer.id == server_id))

    async def find_for_update(self, server_id: McpServerId) -> McpServer | None:
        """Return the row, which nobody else may change until the transaction ends."""
        query = self._own.where(McpServer.id == server_id).with_for_update()
        return await self._session.scalar(query)

    async def exists_name(self, name: str) -> bool:
        """Whether the organization has an MCP server of this name."""
        query = self._own.where(McpServer.name == name).with_only_columns(McpServer.id)
        return await self._session.scalar(query) is not None

    async def save(self, server: McpServer) -> None:
        """Write a new or changed row."""
        self._session.add(server)
        await self._session.flush()

    async def remove(self, server: McpServer) -> None:
        """Delete a row."""
        await self._session.delete(server)
        await self._session.flush()
