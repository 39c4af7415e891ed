"""An organization's MCP servers as they are stored, beside their rows in the catalog of plugins."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from cadence.domains.mcp_servers.drafts import Draft, Tools, digest_of, pid_of
from cadence.domains.mcp_servers.errors import McpServerChanged, McpServerNameTaken
from cadence.domains.mcp_servers.repository import McpServerRepository
from cadence.domains.mcp_servers.schemas import McpServerQuery
from cadence.domains.mcp_servers.summary import McpServerSummary, summary_of
from cadence.domains.plugins.errors import PluginVersionExists
from cadence.domains.plugins.mcp_endpoints import endpoint_of
from cadence.domains.plugins.mcp_headers import HeaderSeals
from cadence.domains.plugins.registering import RegisteredPlugins, Registration
from cadence.infra.database.tables import McpServer, Plugin
from cadence.infra.secrets.sealing import SecretUnreadable
from cadence.kernel.clock import Clock
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import McpServerId, OrganizationId, PluginId, UserId, new_uuid
from cadence.kernel.paging import Page

Refresh = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A server as it was read, so that a change can tell whether it still is like that.

    One that `is_unreadable` has headers that do not open, of which the draft says nothing.
    """

    draft: Draft
    version: str
    is_unreadable: bool = False


class McpServerService:
    """Servers of one organization in one transaction.

    `refresh` has the orchestrators that use the plugin of a pid follow what it says now.
    """

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        servers: McpServerRepository,
        plugins: RegisteredPlugins,
        seals: HeaderSeals,
        refresh: Refresh,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._servers = servers
        self._plugins = plugins
        self._seals = seals
        self._refresh = refresh
        self._clock = clock

    async def page(self, query: McpServerQuery) -> Page[McpServerSummary]:
        """Return servers; raises `InvalidInput` for a cursor that is not of this list."""
        page = await self._servers.page(query)
        plugins = await self._plugins.find([row.plugin_id for row in page.items])
        return page.map(lambda row: summary_of(row, plugins[row.plugin_id]))

    async def get(self, server_id: McpServerId) -> McpServerSummary:
        """Return one; raises `NotFound`."""
        row = _require(await self._servers.find(server_id))
        return summary_of(row, await self._plugin_of(row))

    async def read(self, server_id: McpServerId, *, is_mended: bool = False) -> Stored:
        """Return one with its headers opened; raises `NotFound` and `SecretUnreadable`.

        Headers that are about to be replaced need not open: entering them again mends them.
        """
        row = _require(await self._servers.find(server_id))
        plugin = await self._plugin_of(row)
        try:
            return self._stored(row, plugin, self._seals.open(row))
        except SecretUnreadable:
            if not is_mended:
                raise
            return replace(self._stored(row, plugin, {}), is_unreadable=True)

    async def require_free(self, name: str) -> None:
        """Raise `McpServerNameTaken` when a new server may not be called this."""
        if await self._servers.exists_name(name) or await self._plugins.is_taken(pid_of(name)):
            raise McpServerNameTaken

    async def create(
        self, draft: Draft, tools: Tools, *, creator: UserId | None
    ) -> McpServerSummary:
        """Store a new one that offers these tools; raises `McpServerNameTaken`."""
        await self.require_free(draft.name)
        now = self._clock.now()
        row = McpServer(
            id=new_uuid(), organization_id=self._organization_id, created_at=now, updated_at=now
        )
        self._put(row, draft)
        self._seals.put(row, draft.endpoint.headers)
        registration = _registration(draft, tools, secret_id=row.secret_id)
        try:
            plugin = await self._plugins.create(pid_of(draft.name), registration, creator=creator)
        except PluginVersionExists:
            raise McpServerNameTaken from None
        row.plugin_id = plugin.id
        await self._servers.save(row)
        return summary_of(row, plugin)

    async def change(
        self, server_id: McpServerId, draft: Draft, *, before: Stored, tools: Tools | None
    ) -> McpServerSummary:
        """Store what was decided on the ground of `before`; no `tools` keeps those that are known.

        Raises `NotFound`, `McpServerNameTaken`, and `McpServerChanged` when it was changed since.
        """
        row = _require(await self._servers.find_for_update(server_id))
        plugin = await self._plugin_of(row)
        if plugin.version != before.version:
            raise McpServerChanged
        if draft.name != row.name and await self._servers.exists_name(draft.name):
            raise McpServerNameTaken
        if before.is_unreadable or draft.endpoint.headers != before.draft.endpoint.headers:
            self._seals.put(row, draft.endpoint.headers)
        self._put(row, draft)
        row.updated_at = self._clock.now()
        await self._servers.save(row)
        asked = _registration(
            draft, plugin.tools if tools is None else tools, secret_id=row.secret_id
        )
        if asked.digest != plugin.sha256:
            plugin = await self._plugins.change(PluginId(plugin.id), asked)
            await self._refresh(plugin.pid)
        return summary_of(row, plugin)

    async def remove(self, server_id: McpServerId) -> None:
        """Forget one that no orchestrator uses; raises `NotFound` and `PluginInUse`."""
        row = _require(await self._servers.find_for_update(server_id))
        await self._servers.remove(row)
        await self._plugins.remove(PluginId(row.plugin_id))

    async def _plugin_of(self, row: McpServer) -> Plugin:
        return (await self._plugins.find([row.plugin_id]))[row.plugin_id]

    def _stored(self, row: McpServer, plugin: Plugin, headers: Mapping[str, str]) -> Stored:
        plain = Draft(name=row.name, description=None, endpoint=endpoint_of(row, headers))
        is_made = plugin.description == plain.describe(plugin.tools)
        own = replace(plain, description=plugin.description)
        return Stored(draft=plain if is_made else own, version=plugin.version)

    def _put(self, row: McpServer, draft: Draft) -> None:
        allowed = draft.endpoint.allowed_tools
        row.name = draft.name
        row.url = draft.endpoint.url
        row.allowed_tools = None if allowed is None else list(allowed)
        row.call_timeout = draft.endpoint.call_timeout


def _require(row: McpServer | None) -> McpServer:
    if row is None:
        raise NotFound
    return row


def _registration(draft: Draft, tools: Tools, *, secret_id: str) -> Registration:
    return Registration(
        name=draft.name,
        description=draft.describe(tools),
        tools=tools,
        digest=digest_of(draft, secret_id=secret_id, tools=tools),
    )
