"""What can be done with the catalog."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from cadence.domains.plugins.errors import (
    PluginInUse,
    PluginIsServer,
    PluginNotFound,
    PluginVersionExists,
)
from cadence.domains.plugins.examining import ExaminedPackage, PackageExaminer, owner_name
from cadence.domains.plugins.network import ApprovedHosts
from cadence.domains.plugins.repository import PluginRepository
from cadence.domains.plugins.schemas import (
    PluginKind,
    PluginQuery,
    ProblemRead,
    ToolRead,
    ValidationAnswer,
)
from cadence.infra.database.tables import Plugin
from cadence.infra.object_store.packages import PackageStore
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId, PluginId, UserId, new_uuid
from cadence.plugin_host.errors import PluginPackageInvalid


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
    owner = plugin.organization_id
    return owner_name(None if owner is None else OrganizationId(owner))


class PluginCatalog:
    """Reads for other domains: which plugins an organization may use, and whom these may call."""

    def __init__(self, plugins: PluginRepository, network: ApprovedHosts) -> None:
        self._plugins = plugins
        self._network = network

    async def find_usable(self, plugin_ids: Collection[UUID]) -> Mapping[UUID, Plugin]:
        """Return those of the ids that the organization may use."""
        return await self._plugins.find_visible(plugin_ids)

    async def find_latest(self, plugins: Iterable[Plugin]) -> Mapping[UUID, Plugin]:
        """Return the latest version of each by its row id: of the same pid and the same owner."""
        places = {plugin.id: (owner_of(plugin), plugin.pid) for plugin in plugins}
        rows = await self._plugins.list_latest({pid for _, pid in places.values()})
        latest = {(owner_of(row), row.pid): row for row in rows}
        return {id_: latest[place] for id_, place in places.items() if place in latest}

    async def open_to(self, plugins: Iterable[Plugin]) -> Mapping[UUID, tuple[str, ...]]:
        """Return the hosts that each may call, by its row id; without those that may call none."""
        return await self._network.open_to(plugins)


class PluginService:
    """The catalog of one organization, or the system's when there is none."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId | None,
        plugins: PluginRepository,
        packages: PackageStore,
        examiner: PackageExaminer,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._plugins = plugins
        self._packages = packages
        self._examiner = examiner
        self._clock = clock

    async def install(self, content: bytes, *, uploader: UserId | None) -> Installed:
        """Add a version to the catalog.

        The same bytes again give the same row, verified now if it could not be before. Raises
        `PluginPackageInvalid` with every problem, or `PluginVersionExists`. The package is stored
        before the row, so that no row can lack one.
        """
        # It may take seconds, and the transaction begins with the first statement after it.
        examined = await self._examiner.examine(content)
        manifest = examined.manifest
        known = await self._plugins.find_version(manifest.pid, manifest.version)
        if known is not None:
            if known.sha256 != examined.sha256:
                raise PluginVersionExists(manifest.pid, manifest.version)
            examined.verify(known)
            return Installed(known, is_new=False)
        plugin = self._row(examined, uploader)
        await self._packages.put(content, owner=owner_of(plugin))
        await self._plugins.add(plugin)
        await self._plugins.mark_latest(plugin.pid)
        await self._plugins.reload(plugin)
        return Installed(plugin, is_new=True)

    async def validate(self, content: bytes) -> ValidationAnswer:
        """Say what an upload would say, and store nothing."""
        try:
            examined = await self._examiner.examine(content)
        except PluginPackageInvalid as invalid:
            problems = [ProblemRead.model_validate(problem) for problem in invalid.problems]
            return ValidationAnswer(
                ok=False, problems=problems, pid=None, version=None, state=None, tools=[]
            )
        return ValidationAnswer(
            ok=True,
            problems=[],
            pid=examined.manifest.pid,
            version=examined.manifest.version,
            state=examined.state,
            tools=[ToolRead.model_validate(tool) for tool in examined.tools],
        )

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
        """Remove an own version; raises `PluginNotFound`, `PluginInUse` or `PluginIsServer`.

        The package itself stays in the store: a removal that is rolled back must not lose it.
        """
        plugin = await self._plugins.find_own(plugin_id)
        if plugin is None:
            raise PluginNotFound
        if plugin.kind == PluginKind.MCP:
            raise PluginIsServer
        users = await self._plugins.list_users(plugin_id)
        if users:
            raise PluginInUse([name for _, name in users])
        await self._plugins.remove(plugin)
        await self._plugins.mark_latest(plugin.pid)

    def _row(self, examined: ExaminedPackage, uploader: UserId | None) -> Plugin:
        manifest = examined.manifest
        return Plugin(
            id=new_uuid(),
            organization_id=self._organization_id,
            pid=manifest.pid,
            name=manifest.name,
            version=manifest.version,
            description=manifest.description,
            capabilities=list(manifest.capabilities),
            dependencies=list(manifest.dependencies),
            settings_schema=examined.settings_schema,
            network=list(manifest.network),
            kind=PluginKind.PACKAGE,
            state=examined.state,
            tools=examined.tools,
            stateless=manifest.stateless,
            sdk_version=manifest.sdk_version,
            is_latest=False,
            sha256=examined.sha256,
            size_bytes=examined.size_bytes,
            created_by=uploader,
            created_at=self._clock.now(),
        )
