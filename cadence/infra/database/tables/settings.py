"""Settings that are changed while the service runs: tiers 2 (global) and 3 (organization)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.audited import Audited
from cadence.infra.database.base import Base, OwnedOrShared

_GLOBAL = text("organization_id IS NULL")


class Setting(OwnedOrShared, Base):
    """One key's value at one tier; no organization means the global tier.

    `overridable` belongs to the global tier: null leaves it to the key's definition.
    """

    __tablename__ = "settings"
    __audit__ = Audited(object_type="setting", id="key", name=("key",))
    __table_args__ = (
        Index("uq_settings_key", "organization_id", "key", unique=True),
        # NULLs differ from each other in a unique index, so the global tier needs its own.
        Index(
            "uq_settings_global_key",
            "key",
            unique=True,
            sqlite_where=_GLOBAL,
            postgresql_where=_GLOBAL,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    value: Mapped[Any] = mapped_column(JSON)
    overridable: Mapped[bool | None]
    updated_at: Mapped[datetime]
    updated_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
