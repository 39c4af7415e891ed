"""Plugins that are registered and not uploaded: rows of the catalog without a package."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from cadence.domains.plugins.errors import PluginInUse, PluginNotFound
from cadence.domains.plugins.repository import PluginRepository
from cadence.domains.plugins.schemas import PluginKind, PluginState
from cadence.infra.database.tables import Plugin
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId, PluginId, UserId, new_uuid

_FIRST = (1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the catalog is to say of an MCP server; `digest` covers all that a build reads."""

    name: str
    description: str
    tools: Sequence[Mapping[str, str]]
    digest: str

    def put_into(self, plugin: Plugin) -> None:
        """Write it into a row."""
        plugin.name = self.name
        plugin.description = self.description
        plugin.tools = [dict(tool) for tool in self.tools]
        plugin.sha256 = self.digest


class RegisteredPlugins:
    """The registered plugins of one organization."""

    def __init__(
        self, *, organization_id: OrganizationId, plugins: PluginRepository, clock: Clock
    ) -> None:
        self._organization_id = organization_id
        self._plugins = plugins
        self._clock = clock

    async def is_taken(self, pid: str) -> bool:
        """Whether a plugin that the organization may use has this pid."""
        return bool(await self._plugins.list_latest([pid]))

    async def create(self, pid: str, asked: Registration, *, creator: UserId | None) -> Plugin:
        """Add one; raises `PluginVersionExists` when another request was faster."""
        plugin = Plugin(
            id=new_uuid(),
            organization_id=self._organization_id,
            pid=pid,
            version=_version(*_FIRST),
            kind=PluginKind.MCP,
            # Nothing of it runs here, and its server has just said what it offers.
            state=PluginState.VERIFIED,
            capabilities=[],
            dependencies=[],
            settings_schema=[],
            network=[],
            stateless=True,
            sdk_version="",
            is_latest=True,
            size_bytes=0,
            created_by=creator,
            created_at=self._clock.now(),
        )
        asked.put_into(plugin)
        await self._plugins.add(plugin)
        return plugin

    async def find(self, plugin_ids: Collection[UUID]) -> Mapping[UUID, Plugin]:
        """Return those of the ids that the organization has."""
        return await self._plugins.find_visible(plugin_ids)

    async def change(self, plugin_id: PluginId, asked: Registration) -> Plugin:
        """Say something else of one, under a version of its own; raises `PluginNotFound`.

        The row stays, so that whoever names it goes along.
        """
        plugin = await self._get(plugin_id)
        asked.put_into(plugin)
        major, minor = plugin.version.split(".")[:2]
        plugin.version = _version(int(major), int(minor) + 1)
        await self._plugins.add(plugin)
        return plugin

    async def remove(self, plugin_id: PluginId) -> None:
        """Remove one; raises `PluginNotFound` and `PluginInUse`."""
        plugin = await self._get(plugin_id)
        users = await self._plugins.list_users(plugin_id)
        if users:
            raise PluginInUse([name for _, name in users])
        await self._plugins.remove(plugin)

    async def _get(self, plugin_id: PluginId) -> Plugin:
        plugin = await self._plugins.find_own(plugin_id)
        if plugin is None:
            raise PluginNotFound
        return plugin


def _version(major: int, minor: int) -> str:
    return f"{major}.{minor}"
