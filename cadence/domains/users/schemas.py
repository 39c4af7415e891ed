"""What calls about users take and give."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SecretStr, StrictBool, StringConstraints, ValidationError

from cadence.domains.access.passwords import MAX_LENGTH
from cadence.http.bodies import Input, Output
from cadence.http.paging import ListQuery, Perhaps
from cadence.http.text import Name, SafeSecret
from cadence.kernel.errors import FieldProblem, InvalidInput

# ASCII only: letters of other alphabets that look alike could pose as somebody else.
Username = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._@-]+$", min_length=3, max_length=64, to_lower=True),
]
# Whether an address exists, only a letter can tell; this refuses what certainly is none.
Email = Annotated[
    str,
    StringConstraints(pattern=r"^[!-?A-~]+@[!-?A-~]+$", max_length=254, to_lower=True),
]

UserSort = Literal["username", "-username", "created_at", "-created_at"]


class UserCreate(Input):
    """A new user; without a password one is made up and shown in the answer."""

    username: Username
    email: Email | None = None
    display_name: Name | None = None
    password: SafeSecret | None = None


class ContactChange(Input):
    """How to call and reach somebody; null clears, what is left out stays."""

    email: Email | None = None
    display_name: Name | None = None


class ProfileChange(ContactChange):
    """What people may change of themselves; a new password needs the current one."""

    password: SafeSecret | None = None
    current_password: SafeSecret | None = Field(default=None, max_length=MAX_LENGTH)


class UserChange(ContactChange):
    """What a sys_admin may change; null leaves a password and the two flags as they are."""

    password: SafeSecret | None = None
    is_sys_admin: StrictBool | None = None
    is_disabled: StrictBool | None = None


class UserQuery(ListQuery[UserSort]):
    """Which users to list; `search` looks into usernames, addresses and display names."""

    is_sys_admin: Perhaps[bool] = Field(
        default=None, description="Only sys_admins, or only those who are none."
    )
    is_disabled: Perhaps[bool] = Field(
        default=None, description="Only the disabled, or only those who may log in."
    )


class UserRead(Output):
    """One user."""

    user_id: UUID
    username: str
    email: str | None
    display_name: str | None
    is_sys_admin: bool
    is_disabled: bool
    created_at: datetime


class UserCreated(UserRead):
    """A new user; `password` is shown this once, and null when the client chose it."""

    password: str | None


class SessionRead(Output):
    """One session of the asker; `expires_at` is its end at the latest."""

    session_id: str
    created_at: datetime
    expires_at: datetime
    address: str
    is_current: bool


def read_new_user(*, username: str, email: str | None, password: str | None) -> UserCreate:
    """Read a new user that did not come by HTTP; raises `InvalidInput`."""
    secret = None if password is None else SecretStr(password)
    try:
        return UserCreate(username=username, email=email, password=secret)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidInput.of(
            *(FieldProblem(".".join(map(str, each["loc"])), each["msg"]) for each in problems)
        ) from None
