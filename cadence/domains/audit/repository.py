"""Entries of the audit trail; nothing here writes one."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.audit.schemas import AuditQuery
from cadence.infra.database.listing import Order, by_uuid, narrowed, page_entities, same
from cadence.infra.database.tables import AuditEntry
from cadence.kernel.ids import OrganizationId, first_uuid_at
from cadence.kernel.paging import Page

NEWEST_FIRST = Order(id=by_uuid(AuditEntry.id), keys={}, is_descending=True)


class AuditRepository:
    """One organization's entries; None stands for all there are."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId | None) -> None:
        self._session = session
        self._visible = narrowed(
            select(AuditEntry), same(AuditEntry.organization_id, organization_id)
        )

    async def page(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return entries, newest first."""
        actor_id = None if query.actor_id is None else str(query.actor_id)
        rows = narrowed(
            self._visible,
            same(AuditEntry.action, query.action),
            same(AuditEntry.actor_id, actor_id),
            same(AuditEntry.object_type, query.object_type),
            same(AuditEntry.object_id, query.object_id),
            *_between(query),
        )
        return await page_entities(self._session, rows, order=NEWEST_FIRST, request=query.request())


def _between(query: AuditQuery) -> list[ColumnElement[bool]]:
    # By the id, which an entry's time is taken from and which the indexes are in the order of.
    since, until = query.since, query.until
    lower = [] if since is None else [AuditEntry.id >= first_uuid_at(since)]
    upper = [] if until is None else [AuditEntry.id < first_uuid_at(until)]
    return lower + upper
