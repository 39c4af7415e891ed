"""Has plugins asked what they are that were stored while nothing could lock their code in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from cadence.domains.plugins.examining import ExaminedPackage, PackageExaminer, owner_name
from cadence.domains.plugins.repository import PluginRepository
from cadence.domains.plugins.schemas import PluginKind, PluginState
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.tables import Plugin
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.object_store.packages import PackageDamaged, PackageMissing, PackageStore
from cadence.kernel.actors import Actor
from cadence.kernel.errors import CadenceError, FieldProblem, InvalidInput
from cadence.kernel.ids import OrchestratorId, OrganizationId, PluginId
from cadence.plugin_host.errors import PluginPackageInvalid

# For whoever finds a plugin in this state at a time when it cannot be asked.
UNVERIFIED = (
    "has not been verified: its code has not run yet where it can do no harm. Save this again on a "
    "server whose `cadence doctor` finds an isolation level"
)


class PluginVerifier:
    """Verifies plugins before one organization's orchestrators name them.

    It has short transactions of its own, and none while code runs: to be called before the
    request's own transaction begins, which on SQLite would otherwise wait for itself.
    """

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        sessions: Sessions,
        packages: PackageStore,
        examiner: PackageExaminer,
        actor: Actor,
    ) -> None:
        self._organization_id = organization_id
        self._sessions = sessions
        self._packages = packages
        self._examiner = examiner
        self._actor = actor

    async def verify(self, named: Mapping[str, UUID]) -> None:
        """Verify those of the plugins that are not, by the path that names each.

        Raises `InvalidInput` with the paths of those that cannot be verified and why. What is no
        plugin of this organization is left to others to say.
        """
        waiting = {row.id: row for row in await self._list_waiting(list(named.values()))}
        reasons = {id_: await self._verify(row) for id_, row in waiting.items()}
        problems = [
            FieldProblem(path, reason)
            for path, id_ in named.items()
            if (reason := reasons.get(id_)) is not None
        ]
        if problems:
            raise InvalidInput.of(*problems)

    async def verify_active(self, plugin_ids: Sequence[UUID]) -> None:
        """Do the same for what is to become active."""
        await self.verify({f"active_plugin_ids.{n}": id_ for n, id_ in enumerate(plugin_ids)})

    async def verify_used_by(self, orchestrator_id: OrchestratorId) -> None:
        """Do the same for what an orchestrator already uses."""
        async with self._reading() as plugins:
            plugin_ids = await plugins.list_used_by(orchestrator_id)
        await self.verify_active(plugin_ids)

    async def verify_latest_of(self, plugin_id: PluginId, *, path: str) -> None:
        """Do the same for the latest version of a plugin, which `path` has asked for."""
        async with self._reading() as plugins:
            row = (await plugins.find_visible([plugin_id])).get(plugin_id)
            rows = [] if row is None else await plugins.list_latest([row.pid])
        owner = None if row is None else row.organization_id
        latest = next((each.id for each in rows if each.organization_id == owner), None)
        await self.verify({} if latest is None else {path: latest})

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[PluginRepository]:
        reach = within(self._organization_id)
        async with transaction(self._sessions, reach, read_only=True) as session:
            yield PluginRepository(session, self._organization_id)

    async def _list_waiting(self, plugin_ids: Sequence[UUID]) -> list[Plugin]:
        async with self._reading() as plugins:
            rows = await plugins.find_visible(plugin_ids)
        return [row for row in rows.values() if is_waiting(row)]

    async def _verify(self, row: Plugin) -> str | None:
        """Return why it could not be done."""
        owner = None if row.organization_id is None else self._organization_id
        try:
            content = await self._packages.get(row.sha256, owner=owner_name(owner))
            examined = await self._examiner.examine(content)
        except (PluginPackageInvalid, PackageDamaged, PackageMissing) as error:
            return f"cannot be verified. {_told(error)}"
        if examined.obstacle is not None:
            return f"has not been verified, and so cannot be active. {examined.obstacle}"
        await self._note(PluginId(row.id), owner, examined)
        return None

    async def _note(
        self, plugin_id: PluginId, owner: OrganizationId | None, examined: ExaminedPackage
    ) -> None:
        reach = PLATFORM if owner is None else within(owner)
        async with transaction(self._sessions, reach, actor=self._actor) as session:
            row = await PluginRepository(session, owner).find_own(plugin_id)
            if row is not None:  # it may have been removed meanwhile
                examined.verify(row)


def is_waiting(row: Plugin) -> bool:
    """Tell whether a plugin's code has still to be asked what it is."""
    return row.kind == PluginKind.PACKAGE and row.state == PluginState.UNVERIFIED


def _told(error: CadenceError) -> str:
    places = "; ".join(f"{field.path}: {field.message}" for field in error.fields)
    return f"{error.message} {places}".strip()
