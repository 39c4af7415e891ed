"""What other rooms and clients may know of a user; a password's hash is not part of it."""

from dataclasses import dataclass, field
from datetime import datetime

from cadence.infra.database.tables import User
from cadence.kernel.ids import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """One user."""

    user_id: UserId
    username: str
    email: str | None
    display_name: str | None
    is_sys_admin: bool
    is_disabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedUser(UserRecord):
    """A new user; `password` is set when it was made up here, and can be read only this once."""

    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrapped:
    """`existing` names the enabled sys_admins before; `created` is None when that sufficed."""

    existing: tuple[str, ...]
    created: CreatedUser | None


def user_record_of(user: User) -> UserRecord:
    """Return what may be known of a row."""
    return UserRecord(
        user_id=UserId(user.id),
        username=user.username,
        email=user.email,
        display_name=user.display_name,
        is_sys_admin=user.is_sys_admin,
        is_disabled=user.is_disabled,
        created_at=user.created_at,
    )


def created_user_of(user: User, *, password: str | None) -> CreatedUser:
    """Return what may be known of a new row, with the password that was made up for it."""
    return CreatedUser(
        user_id=UserId(user.id),
        username=user.username,
        email=user.email,
        display_name=user.display_name,
        is_sys_admin=user.is_sys_admin,
        is_disabled=user.is_disabled,
        created_at=user.created_at,
        password=password,
    )
