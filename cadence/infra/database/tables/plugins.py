"""The catalog of plugins: a row for every version."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.audited import Audited
from cadence.infra.database.base import Base, OwnedOrShared

_SYSTEM = text("organization_id IS NULL")


class Plugin(OwnedOrShared, Base):
    """One version of one plugin; no organization means that all of them may use it."""

    __tablename__ = "plugins"
    __audit__ = Audited(
        object_type="plugin", name=("pid", "version"), untold=frozenset({"is_latest"})
    )
    __table_args__ = (
        Index("uq_plugins_version", "organization_id", "pid", "version", unique=True),
        # NULLs differ from each other in a unique index, so system plugins need their own.
        Index(
            "uq_plugins_system_version",
            "pid",
            "version",
            unique=True,
            sqlite_where=_SYSTEM,
            postgresql_where=_SYSTEM,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    pid: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(32))
    description: Mapped[str] = mapped_column(String(8000))
    capabilities: Mapped[list[Any]]
    dependencies: Mapped[list[Any]]
    settings_schema: Mapped[list[Any]]
    stateless: Mapped[bool]
    sdk_version: Mapped[str] = mapped_column(String(64))
    is_latest: Mapped[bool]
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
