"""Orchestrators, and which plugin versions each one uses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.audited import Audited
from cadence.infra.database.base import Base, Owned


class Orchestrator(Owned, Base):
    """One orchestrator as it was asked for; both JSON columns as the client wrote them.

    Sensitive plugin settings are sealed inside `plugin_settings`. `config_hash` covers all that a
    build reads from this row.
    """

    __tablename__ = "orchestrators"
    __audit__ = Audited(
        object_type="orchestrator",
        untold=frozenset({"config_hash"}),
        verbs={"status": {"disabled": "disable", "active": "enable"}},
    )
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    framework_type: Mapped[str] = mapped_column(String(32))
    mode: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16), default="active")
    config: Mapped[dict[str, Any]]
    plugin_settings: Mapped[dict[str, Any]]
    config_hash: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class OrchestratorPlugin(Owned, Base):
    """One plugin version in one orchestrator, in the order that the client gave.

    One that `follows_latest` gives way to each new version of its plugin that takes its settings.
    """

    __tablename__ = "orchestrator_plugins"
    __table_args__ = (Index("ix_orchestrator_plugins_plugin_id", "plugin_id"),)

    orchestrator_id: Mapped[UUID] = mapped_column(
        ForeignKey("orchestrators.id", ondelete="CASCADE"), primary_key=True
    )
    plugin_id: Mapped[UUID] = mapped_column(ForeignKey("plugins.id"), primary_key=True)
    position: Mapped[int]
    follows_latest: Mapped[bool] = mapped_column(default=False)
