"""What can be done with the catalog."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from cadence.domains.plugins.errors import PluginInUse, PluginNotFound, PluginVersionExists
from cadence.domains.plugins.inspecting import InspectedPackage, inspect_package
from cadence.domains.plugins.repository import PluginRepository
from cadence.domains.plugins.schemas import PluginQuery, ProblemRead, ValidationAnswer
from cadence.infra.database.tables import Plugin
from cadence.infra.object_store.packages import PackageStore
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId, PluginId, UserId, new_uuid
from cadence.plugin_host.errors import PluginPackageInvalid

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Installed:
    """A row of the catalog, and whether the upload made it."""

    plugin: Plugin
    is_new: bool

    @property
    def status(self) -> int:
        """The HTTP status that says so."""
        return 201 if self.is_new else 200


def owner_of(plugin: Plugin) -> str:
    """Return under whose name a plugin's package is stored."""
    return SYSTEM if plugin.organization_id is None else str(plugin.organization_id)


class PluginCatalog:
    """Reads for other domains: which plugins an organization may use."""

    def __init__(self, plugins: PluginRepository) -> None:
        self._plugins = plugins

    async def find_usable(self, plugin_ids: Collection[UUID]) -> Mapping[UUID, Plugin]:
        """Return those of the ids that the organization may use."""
        return await self._plugins.find_visible(plugin_ids)


class PluginService:
    """The catalog of one organization, or the system's when there is none."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId | None,
        plugins: PluginRepository,
        packages: PackageStore,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._plugins = plugins
        self._packages = packages
        self._clock = clock

    async def install(self, content: bytes, *, uploader: UserId | None) -> Installed:
        """Add a version to the catalog.

        The same bytes again give the same row. Raises `PluginPackageInvalid` with every problem,
        or `PluginVersionExists`. The package is stored before the row, so that no row can lack one.
        """
        checked = await asyncio.to_thread(inspect_package, content)
        manifest = checked.manifest
        known = await self._plugins.find_version(manifest.pid, manifest.version)
        if known is not None:
            if known.sha256 != checked.sha256:
                raise PluginVersionExists(manifest.pid, manifest.version)
            return Installed(known, is_new=False)
        plugin = self._row(checked, uploader)
        await self._packages.put(content, owner=owner_of(plugin))
        await self._plugins.add(plugin)
        await self._plugins.mark_latest(plugin.pid)
        await self._plugins.reload(plugin)
        return Installed(plugin, is_new=True)

    async def validate(self, content: bytes) -> ValidationAnswer:
        """Say what an upload would say, and store nothing."""
        try:
            checked = await asyncio.to_thread(inspect_package, content)
        except PluginPackageInvalid as invalid:
            problems = [ProblemRead.model_validate(problem) for problem in invalid.problems]
            return ValidationAnswer(ok=False, problems=problems, pid=None, version=None)
        manifest = checked.manifest
        return ValidationAnswer(ok=True, problems=[], pid=manifest.pid, version=manifest.version)

    async def list_visible(self, query: PluginQuery) -> Sequence[Plugin]:
        """Return the plugins that may be used, as far as they are asked for."""
        return await self._plugins.list_visible(query)

    async def get(self, plugin_id: PluginId) -> Plugin:
        """Return one plugin that may be used; raises `PluginNotFound`."""
        plugin = (await self._plugins.find_visible([plugin_id])).get(plugin_id)
        if plugin is None:
            raise PluginNotFound
        return plugin

    async def remove(self, plugin_id: PluginId) -> None:
        """Remove an own version; raises `PluginNotFound` or `PluginInUse`.

        The package itself stays in the store: a removal that is rolled back must not lose it.
        """
        plugin = await self._plugins.find_own(plugin_id)
        if plugin is None:
            raise PluginNotFound
        users = await self._plugins.list_users(plugin_id)
        if users:
            raise PluginInUse([name for _, name in users])
        await self._plugins.remove(plugin)
        await self._plugins.mark_latest(plugin.pid)

    def _row(self, checked: InspectedPackage, uploader: UserId | None) -> Plugin:
        manifest = checked.manifest
        return Plugin(
            id=new_uuid(),
            organization_id=self._organization_id,
            pid=manifest.pid,
            name=manifest.name,
            version=manifest.version,
            description=manifest.description,
            capabilities=list(manifest.capabilities),
            dependencies=list(manifest.dependencies),
            settings_schema=checked.settings_schema,
            stateless=manifest.stateless,
            sdk_version=manifest.sdk_version,
            is_latest=False,
            sha256=checked.sha256,
            size_bytes=checked.size_bytes,
            created_by=uploader,
            created_at=self._clock.now(),
        )
