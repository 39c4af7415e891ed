"""People who can log in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.audited import Audited
from cadence.infra.database.base import Base


class User(Base):
    """One person; `username` and `email` are stored in lower case, so that each is unique."""

    __tablename__ = "users"
    __audit__ = Audited(
        object_type="user",
        name=("username",),
        secret=frozenset({"password_hash"}),
        verbs={
            "is_disabled": {True: "disable", False: "enable"},
            "is_sys_admin": {True: "promote", False: "demote"},
            "password_hash": "password",
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    display_name: Mapped[str | None] = mapped_column(String(128))
    password_hash: Mapped[str] = mapped_column(String(256))
    is_sys_admin: Mapped[bool] = mapped_column(default=False)
    is_disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
