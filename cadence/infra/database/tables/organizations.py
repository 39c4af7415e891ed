"""Organizations, and who belongs to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.audited import Audited
from cadence.infra.database.base import Base, Owned


class Organization(Base):
    """One tenant; `status` is `active` or `suspended`."""

    __tablename__ = "organizations"
    __audit__ = Audited(
        object_type="organization",
        verbs={"status": {"suspended": "suspend", "active": "activate"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    status: Mapped[str] = mapped_column(String(16), default="active")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Membership(Owned, Base):
    """One user's place in one organization."""

    __tablename__ = "memberships"
    __audit__ = Audited(
        object_type="membership",
        id="user_id",
        name=(),
        names_user=True,
        verbs={"is_admin": {True: "promote", False: "demote"}},
    )

    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    is_admin: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
