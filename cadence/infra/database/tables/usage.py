"""What turns have cost, kept longer than the conversations that they were turns of."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.base import Base, Owned


class UsageEntry(Owned, Base):
    """What one run has used of one model; `day` is in UTC.

    The orchestrator's id is no foreign key: what it has cost outlives it.
    """

    __tablename__ = "usage_entries"
    __table_args__ = (
        Index("ix_usage_entries_day", "organization_id", "day"),
        # A run that is finished twice, by its own process and by another one, has cost once.
        Index("ix_usage_entries_run", "run_id", "provider", "model", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(26))
    orchestrator_id: Mapped[UUID]
    provider: Mapped[str] = mapped_column(String(32))
    model: Mapped[str] = mapped_column(String(200))
    day: Mapped[date] = mapped_column(Date)
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    llm_calls: Mapped[int]
    created_at: Mapped[datetime]
