"""What may be known of an organization and of its members."""

from dataclasses import dataclass
from datetime import datetime

from cadence.domains.access.permissions import OrganizationStatus, Role
from cadence.infra.database.tables import Membership, Organization, User
from cadence.kernel.ids import OrganizationId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One organization."""

    org_id: OrganizationId
    name: str
    status: OrganizationStatus
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterableTenant(Tenant):
    """An organization, and the role that the asker has in it."""

    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One user's place in the organization."""

    user_id: UserId
    username: str
    email: str | None
    display_name: str | None
    is_admin: bool
    is_disabled: bool
    joined_at: datetime


def tenant_of(organization: Organization) -> Tenant:
    """Return what may be known of a row."""
    return Tenant(
        org_id=OrganizationId(organization.id),
        name=organization.name,
        status=OrganizationStatus(organization.status),
        created_at=organization.created_at,
    )


def enterable_of(organization: Organization, role: Role) -> EnterableTenant:
    """Return what somebody in that role may know of a row."""
    return EnterableTenant(
        org_id=OrganizationId(organization.id),
        name=organization.name,
        status=OrganizationStatus(organization.status),
        created_at=organization.created_at,
        role=role,
    )


def member_of(membership: Membership, user: User) -> Member:
    """Return what an organization may know of a user in it."""
    return Member(
        user_id=UserId(user.id),
        username=user.username,
        email=user.email,
        display_name=user.display_name,
        is_admin=membership.is_admin,
        is_disabled=user.is_disabled,
        joined_at=membership.created_at,
    )
