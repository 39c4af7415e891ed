"""Which organizations have orchestrators that are behind the plugins they follow."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.listing import narrowed, same
from cadence.infra.database.tables import OrchestratorPlugin, Plugin
from cadence.kernel.ids import OrganizationId


class FollowerRepository:
    """Followers of every organization; its transaction has to reach the whole platform."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_organizations_behind(self, pid: str | None) -> Sequence[OrganizationId]:
        """Return whose followers are not at the latest version; of one plugin, or of any."""
        query = (
            select(OrchestratorPlugin.organization_id)
            .join(Plugin, Plugin.id == OrchestratorPlugin.plugin_id)
            .where(OrchestratorPlugin.follows_latest, Plugin.is_latest.is_(False))
            .distinct()
            .order_by(OrchestratorPlugin.organization_id)
        )
        found = await self._session.scalars(narrowed(query, same(Plugin.pid, pid)))
        return [OrganizationId(id_) for id_ in found]
