"""Service keys: what programs sign in with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.audited import Audited
from cadence.infra.database.base import Base, Owned


class ApiKey(Owned, Base):
    """One organization's key with a role of its own; only the sha256 of the key is stored.

    A revoked one stays, so that what it did can still be told.
    """

    __tablename__ = "api_keys"
    __audit__ = Audited(
        object_type="api_key",
        untold=frozenset({"last_used_at"}),
        secret=frozenset({"key_hash", "key_hint"}),
        verbs={"revoked_at": "revoke"},
    )
    __table_args__ = (Index("ix_api_keys_organization_id", "organization_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    role: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    key_hint: Mapped[str] = mapped_column(String(4))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
