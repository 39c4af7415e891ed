"""The rows of the catalog that one organization may see, or the system's own."""

from collections.abc import Collection, Sequence
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.plugins.errors import PluginVersionExists
from cadence.domains.plugins.schemas import PluginQuery, Source
from cadence.domains.plugins.versions import latest
from cadence.infra.database.auditing import UNTOLD
from cadence.infra.database.folding import Folded, contains
from cadence.infra.database.listing import narrowed, same
from cadence.infra.database.tables import Orchestrator, OrchestratorPlugin, Plugin
from cadence.kernel.ids import OrchestratorId, OrganizationId, PluginId


class PluginRepository:
    """Plugins as one organization sees them; None stands for the system's catalog.

    Reads see the organization's own plugins and the system's; changes touch only its own.
    """

    def __init__(self, session: AsyncSession, organization_id: OrganizationId | None) -> None:
        self._session = session
        self._organization_id = organization_id
        self._is_own: ColumnElement[bool] = (
            Plugin.organization_id.is_(None)
            if organization_id is None
            else Plugin.organization_id == organization_id
        )
        self._is_visible = or_(self._is_own, Plugin.organization_id.is_(None))

    async def list_visible(self, query: PluginQuery) -> Sequence[Plugin]:
        """Return the plugins that may be used, by pid and then newest first."""
        rows = narrowed(
            select(Plugin).where(self._is_visible),
            contains(query.search, Plugin.pid, Plugin.name, Plugin.description),
            same(Plugin.is_latest, query.latest),
            _is_of(query.source),
        )
        ordered = rows.order_by(Folded(Plugin.pid), Plugin.id.desc())
        return (await self._session.scalars(ordered)).all()

    async def find_visible(self, plugin_ids: Collection[UUID]) -> dict[UUID, Plugin]:
        """Return those of the ids that may be used."""
        query = select(Plugin).where(self._is_visible, Plugin.id.in_(plugin_ids))
        return {row.id: row for row in await self._session.scalars(query)}

    async def list_latest(self, pids: Collection[str]) -> Sequence[Plugin]:
        """Return the latest versions that may be used: an own one, the system's, or both."""
        query = select(Plugin).where(self._is_visible, Plugin.is_latest, Plugin.pid.in_(pids))
        return (await self._session.scalars(query)).all()

    async def list_used_by(self, orchestrator_id: OrchestratorId) -> Sequence[UUID]:
        """Return the ids of the plugins of an own orchestrator, in its order."""
        query = (
            select(OrchestratorPlugin.plugin_id)
            .where(
                OrchestratorPlugin.organization_id == self._organization_id,
                OrchestratorPlugin.orchestrator_id == orchestrator_id,
            )
            .order_by(OrchestratorPlugin.position)
        )
        return (await self._session.scalars(query)).all()

    async def find_own(self, plugin_id: PluginId) -> Plugin | None:
        """Return one of the plugins that may be changed."""
        return await self._session.scalar(
            select(Plugin).where(self._is_own, Plugin.id == plugin_id)
        )

    async def find_version(self, pid: str, version: str) -> Plugin | None:
        """Return one version of an own plugin."""
        query = select(Plugin).where(self._is_own, Plugin.pid == pid, Plugin.version == version)
        return await self._session.scalar(query)

    async def add(self, plugin: Plugin) -> None:
        """Store a new version; raises `PluginVersionExists` when another upload was faster."""
        self._session.add(plugin)
        try:
            await self._session.flush()
        except IntegrityError:
            raise PluginVersionExists(plugin.pid, plugin.version) from None

    async def remove(self, plugin: Plugin) -> None:
        """Forget a version."""
        await self._session.delete(plugin)
        await self._session.flush()

    async def mark_latest(self, pid: str) -> None:
        """Set `is_latest` on the highest version of an own plugin, and on no other."""
        mine = (self._is_own, Plugin.pid == pid)
        rows = await self._session.execute(select(Plugin.id, Plugin.version).where(*mine))
        newest = latest([(row.id, row.version) for row in rows])
        if newest is not None:
            flag = case((Plugin.id == newest, True), else_=False)
            marking = update(Plugin).where(*mine).values(is_latest=flag)
            await self._session.execute(marking.execution_options(**UNTOLD))

    async def reload(self, plugin: Plugin) -> None:
        """Read again what a statement changed behind the row's back."""
        await self._session.refresh(plugin)

    async def list_users(self, plugin_id: PluginId) -> list[tuple[OrganizationId, str]]:
        """Return who uses a plugin: the organization and the orchestrator's name."""
        query: Any = (
            select(Orchestrator.organization_id, Orchestrator.name)
            .join(OrchestratorPlugin, OrchestratorPlugin.orchestrator_id == Orchestrator.id)
            .where(OrchestratorPlugin.plugin_id == plugin_id)
            .order_by(Orchestrator.name)
        )
        if self._organization_id is not None:
            query = query.where(Orchestrator.organization_id == self._organization_id)
        return [(row[0], row[1]) for row in await self._session.execute(query)]


def _is_of(source: Source | None) -> ColumnElement[bool] | None:
    match source:
        case None:
            return None
        case Source.SYSTEM:
            return Plugin.organization_id.is_(None)
        case Source.ORGANIZATION:
            return Plugin.organization_id.is_not(None)
        case _:
            assert_never(source)
