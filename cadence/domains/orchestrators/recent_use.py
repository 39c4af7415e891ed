"""Which orchestrators were used last, whichever organization's, for a process that starts."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.access.permissions import OrganizationStatus
from cadence.domains.orchestrators.schemas import Status
from cadence.infra.database.tables import Conversation, Orchestrator, Organization
from cadence.kernel.ids import OrchestratorId, OrganizationId


class RecentUseRepository:
    """Orchestrators of every organization; its transaction has to reach the whole platform."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_recent(
        self, *, limit: int | None
    ) -> Sequence[tuple[OrganizationId, OrchestratorId]]:
        """Return those that turns may use, whatever was talked to or changed last first."""
        used = func.coalesce(func.max(Conversation.updated_at), Orchestrator.updated_at)
        query = (
            select(Orchestrator.organization_id, Orchestrator.id)
            .join(Organization, Organization.id == Orchestrator.organization_id)
            .outerjoin(Conversation, Conversation.orchestrator_id == Orchestrator.id)
            .where(
                Orchestrator.status == Status.ACTIVE,
                Organization.status == OrganizationStatus.ACTIVE,
            )
            .group_by(Orchestrator.organization_id, Orchestrator.id)
            .order_by(used.desc(), Orchestrator.id.desc())
            .limit(limit)
        )
        found = await self._session.execute(query)
        return [(OrganizationId(owner), OrchestratorId(id_)) for owner, id_ in found]
