"""Models that organizations bring their own keys for."""

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.audited import Audited
from cadence.infra.database.base import Base, Owned


class LlmConfig(Owned, Base):
    """One provider's key with a default model.

    `secret_id` is part of what seals the key, since the integer id is known only after the insert;
    `version` grows with every change that a built model client must follow.
    """

    __tablename__ = "llm_configs"
    __audit__ = Audited(
        object_type="llm_config",
        untold=frozenset({"version"}),
        secret=frozenset({"secret_id", "sealed_key", "key_hint"}),
    )
    __table_args__ = (
        UniqueConstraint("organization_id", "name"),
        # SQLite would give a removed config's id, and so its place in caches, to the next one.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    provider: Mapped[str] = mapped_column(String(32))
    model_name: Mapped[str | None] = mapped_column(String(128))
    base_url: Mapped[str | None] = mapped_column(String(2048))
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secret_id: Mapped[str] = mapped_column(String(26))
    sealed_key: Mapped[str | None] = mapped_column(String(8192))
    key_hint: Mapped[str | None] = mapped_column(String(4))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
