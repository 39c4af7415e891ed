"""What logging in takes and gives."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from cadence.domains.access.passwords import MAX_LENGTH
from cadence.domains.access.permissions import Role
from cadence.http.bodies import Input, Output
from cadence.http.text import Name, SafeSecret, SafeText


class LoginRequest(Input):
    """A name and a password, as typed."""

    username: SafeText = Field(min_length=1, max_length=254)
    password: SafeSecret = Field(min_length=1, max_length=MAX_LENGTH)


class LoginAnswer(Output):
    """The token for `Authorization: Bearer`, and when it ends at the latest."""

    token: str
    expires_at: datetime


LONGEST_LIFE_DAYS = 365


class ApiKeyCreate(Input):
    """A new service key; `role` is what its holder may do in the organization."""

    name: Name
    role: Literal[Role.USER, Role.ORG_ADMIN] = Role.USER
    expires_in_days: int = Field(default=90, ge=1, le=LONGEST_LIFE_DAYS)


class ApiKeyRead(Output):
    """One service key, without the key.

    `key_hint` is its last four characters. `last_used_at` may be a minute late. `created_by` is
    null once that user is gone.
    """

    id: UUID
    name: str
    role: Role
    key_hint: str
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class ApiKeyCreated(ApiKeyRead):
    """A new service key; `key` is shown this once, for `Authorization: Bearer`."""

    key: str
