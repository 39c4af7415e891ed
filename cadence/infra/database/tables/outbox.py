"""What has to be told to every process, written with the change that it tells of."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.base import Base, Owned


class OutboxEvent(Owned, Base):
    """One event that is committed and not yet confirmed by the broker; then the row goes.

    It has no foreign key: an organization's removal is told as well. No organization means that
    the event concerns them all.
    """

    __tablename__ = "outbox_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID | None] = mapped_column(  # type: ignore[assignment]  # may be null
        Uuid()
    )
    event: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
