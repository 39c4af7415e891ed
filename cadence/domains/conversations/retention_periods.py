"""How long each organization keeps its conversations, and which organizations there are."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.config.resolving import said_by
from cadence.domains.settings.tiers import Environment, Tiers
from cadence.infra.database.tables import AuditEntry, Organization, Setting
from cadence.kernel.ids import OrganizationId

KEY = "conversation_retention_days"
REMOVED = "organization.remove"


class RetentionPeriodRepository:
    """All organizations; for the one job that goes through them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_periods(self, environment: Environment) -> Mapping[OrganizationId, int]:
        """Return the days that organizations keep conversations, without those that keep all."""
        rows = (await self._session.scalars(select(Setting).where(Setting.key == KEY))).all()
        ids = await self._session.scalars(select(Organization.id).order_by(Organization.id))
        global_rows = said_by(row for row in rows if row.organization_id is None)
        own = {row.organization_id: row for row in rows}
        periods = {}
        for each in ids:
            tiers = Tiers(
                environment=environment,
                global_rows=global_rows,
                organization_rows=said_by([own[each]] if each in own else []),
            )
            days = tiers.resolve()[KEY].value
            if days is not None:
                periods[OrganizationId(each)] = int(days)
        return periods

    async def list_known(self) -> AbstractSet[OrganizationId]:
        """Return which organizations there are."""
        found = await self._session.scalars(select(Organization.id))
        return {OrganizationId(each) for each in found}

    async def was_removed(self, organization_id: OrganizationId) -> bool:
        """Whether the audit trail tells of its deletion.

        That there is no such organization says less: the server may be another deployment's too,
        and the relational store may be a backup that is older than the organization.
        """
        found = await self._session.scalar(
            select(AuditEntry.id)
            .where(AuditEntry.object_id == str(organization_id), AuditEntry.action == REMOVED)
            .limit(1)
        )
        return found is not None
