"""The audit trail: rows are added and never changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.base import Base, Owned


class AuditEntry(Owned, Base):
    """Who did what to which object, from where; `change` holds no secret.

    It has no foreign keys, since it outlives what it tells of. No organization means that the
    platform itself was changed, which only sys_admins may read.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_organization_id", "organization_id", "id"),
        Index("ix_audit_entries_object_id", "object_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID | None] = mapped_column(  # type: ignore[assignment]  # may be null
        Uuid()
    )
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[str] = mapped_column(String(36))
    actor_name: Mapped[str] = mapped_column(String(128))
    address: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(26))
    action: Mapped[str] = mapped_column(String(64))
    object_type: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str] = mapped_column(String(64))
    object_name: Mapped[str | None] = mapped_column(String(200))
    change: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
