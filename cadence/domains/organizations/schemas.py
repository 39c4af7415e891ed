"""What calls about organizations and members take and give."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field, StrictBool

from cadence.domains.access.permissions import OrganizationStatus, Role
from cadence.domains.users.schemas import UserCreate
from cadence.http.bodies import Input, Output
from cadence.http.paging import ListQuery, Perhaps
from cadence.http.text import Name

OrganizationSort = Literal["name", "-name", "created_at", "-created_at"]
MemberSort = Literal["username", "-username", "joined_at", "-joined_at"]


class OrganizationCreate(Input):
    """A new organization; it starts active and without members."""

    name: Name


class OrganizationChange(Input):
    """What is left out or null stays."""

    name: Name | None = None
    status: OrganizationStatus | None = None


class OrganizationQuery(ListQuery[OrganizationSort]):
    """Which organizations to list; `search` looks into their names."""

    status: Perhaps[OrganizationStatus] = Field(
        default=None, description="Only organizations of this status."
    )


class OrganizationRead(Output):
    """One organization."""

    org_id: UUID
    name: str
    status: OrganizationStatus
    created_at: datetime


class EnterableOrganizationRead(OrganizationRead):
    """An organization, and the role that the asker has in it."""

    role: Role


class MemberAdd(Input):
    """An existing user who shall belong to the organization."""

    user_id: UUID
    is_admin: StrictBool = False


class MemberChange(Input):
    """The role of a member."""

    is_admin: StrictBool


class MemberUserCreate(UserCreate):
    """A new user who belongs to the organization from the start."""

    is_admin: StrictBool = False


class MemberQuery(ListQuery[MemberSort]):
    """Which members to list; `search` looks into usernames, addresses and display names."""

    is_admin: Perhaps[bool] = Field(
        default=None, description="Only admins, or only those who are none."
    )


class MemberRead(Output):
    """One user's place in the organization."""

    user_id: UUID
    username: str
    email: str | None
    display_name: str | None
    is_admin: bool
    is_disabled: bool
    joined_at: datetime
