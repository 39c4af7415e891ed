"""Who is asking, and what that allows; decided without any I/O."""

from dataclasses import dataclass
from enum import StrEnum

from cadence.domains.access.errors import NotAllowed, OrganizationSuspended
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, SessionId, UserId


class Role(StrEnum):
    """The three roles of PRODUCT.md §3."""

    SYS_ADMIN = "sys_admin"
    ORG_ADMIN = "org_admin"
    USER = "user"


class OrganizationStatus(StrEnum):
    """Whether an organization's members may use it."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who is signed in."""

    user_id: UserId
    session_id: SessionId
    username: str
    is_sys_admin: bool

    def require_sys_admin(self) -> None:
        """Raise `NotAllowed` unless the platform is theirs."""
        if not self.is_sys_admin:
            raise NotAllowed(Role.SYS_ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the store says of one user in one organization; no role means no membership."""

    status: OrganizationStatus
    is_member: bool
    is_admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationScope:
    """One principal acting in one organization; repositories of tenant data are built from it."""

    principal: Principal
    organization_id: OrganizationId
    role: Role

    @property
    def user_id(self) -> UserId:
        """Who acts."""
        return self.principal.user_id

    def require_admin(self) -> None:
        """Raise `NotAllowed` for a plain member."""
        if self.role is Role.USER:
            raise NotAllowed(Role.ORG_ADMIN)


def enter(
    principal: Principal, organization_id: OrganizationId, standing: Standing | None
) -> OrganizationScope:
    """Let a principal into an organization.

    Raises `NotFound` for an unknown organization and for a foreign one alike, and
    `OrganizationSuspended` for a member of a suspended one; a sys_admin may always enter.
    """
    if standing is None or not (standing.is_member or principal.is_sys_admin):
        raise NotFound
    if standing.status is OrganizationStatus.SUSPENDED and not principal.is_sys_admin:
        raise OrganizationSuspended
    role = Role.ORG_ADMIN if standing.is_admin else Role.USER
    if principal.is_sys_admin:
        role = Role.SYS_ADMIN
    return OrganizationScope(principal=principal, organization_id=organization_id, role=role)
