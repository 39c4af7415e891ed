"""Reading the audit trail."""

from collections.abc import Callable

from cadence.domains.audit.repository import AuditRepository
from cadence.domains.audit.schemas import (
    AuditEntryRead,
    AuditQuery,
    PlatformAuditEntryRead,
    PlatformAuditQuery,
)
from cadence.domains.audit.showing import show, show_to_platform
from cadence.kernel.ids import OrganizationId
from cadence.kernel.paging import Page


class OrganizationAudit:
    """The trail of one organization."""

    def __init__(self, entries: AuditRepository) -> None:
        self._entries = entries

    async def page(self, query: AuditQuery) -> Page[AuditEntryRead]:
        """Return entries; raises `InvalidInput` for a cursor that is not of this list."""
        return (await self._entries.page(query)).map(show)


class PlatformAudit:
    """The trail of all organizations, and of the platform itself."""

    def __init__(self, entries_of: Callable[[OrganizationId | None], AuditRepository]) -> None:
        self._entries_of = entries_of

    async def page(self, query: PlatformAuditQuery) -> Page[PlatformAuditEntryRead]:
        """Return entries; raises `InvalidInput` for a cursor that is not of this list."""
        only = None if query.org_id is None else OrganizationId(query.org_id)
        return (await self._entries_of(only).page(query)).map(show_to_platform)
