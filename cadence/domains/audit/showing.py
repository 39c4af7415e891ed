"""How an entry is shown."""

from typing import Any
from uuid import UUID

from cadence.domains.audit.schemas import (
    ActorRead,
    AuditEntryRead,
    ObjectRead,
    PlatformAuditEntryRead,
)
from cadence.infra.database.tables import AuditEntry
from cadence.kernel.actors import ActorKind


def show(entry: AuditEntry) -> AuditEntryRead:
    """Return an entry as its organization sees it."""
    return AuditEntryRead(**_shown(entry))


def show_to_platform(entry: AuditEntry) -> PlatformAuditEntryRead:
    """Return an entry as a sys_admin sees it."""
    return PlatformAuditEntryRead(**_shown(entry), org_id=entry.organization_id)


def _shown(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.created_at,
        "actor": ActorRead(
            kind=ActorKind(entry.actor_kind),
            id=UUID(entry.actor_id) if entry.actor_id else None,
            name=entry.actor_name,
        ),
        "address": entry.address,
        "request_id": entry.request_id or None,
        "action": entry.action,
        "object": ObjectRead(type=entry.object_type, id=entry.object_id, name=entry.object_name),
        "change": entry.change,
    }
