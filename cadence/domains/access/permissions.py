"""Who is asking, and what that allows; decided without any I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cadence.domains.access.errors import NotAllowed, OrganizationSuspended, PersonsOnly
from cadence.kernel.actors import Actor, ActorKind
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import ApiKeyId, OrganizationId, SessionId, UserId


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
class Origin:
    """Where a request came from, and its id."""

    address: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who has logged in."""

    user_id: UserId
    session_id: SessionId
    username: str
    is_sys_admin: bool
    origin: Origin

    @property
    def actor(self) -> Actor:
        """In whose name they change something."""
        return _actor(ActorKind.USER, str(self.user_id), name=self.username, origin=self.origin)

    def require_sys_admin(self) -> None:
        """Raise `NotAllowed` unless the platform is theirs."""
        if not self.is_sys_admin:
            raise NotAllowed(Role.SYS_ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKey:
    """A program that signed in with one organization's key."""

    key_id: ApiKeyId
    organization_id: OrganizationId
    role: "Role"
    name: str
    origin: Origin

    @property
    def is_sys_admin(self) -> bool:
        """Never: a key opens one organization and no more."""
        return False

    @property
    def actor(self) -> Actor:
        """In whose name it changes something."""
        return _actor(ActorKind.SERVICE_KEY, str(self.key_id), name=self.name, origin=self.origin)

    def require_sys_admin(self) -> None:
        """Raise `NotAllowed`."""
        raise NotAllowed(Role.SYS_ADMIN)


Principal = Person | ServiceKey


def _actor(kind: ActorKind, actor_id: str, *, name: str, origin: Origin) -> Actor:
    return Actor(
        kind=kind,
        id=actor_id,
        name=name,
        address=origin.address,
        request_id=origin.request_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of a user at each request; `memberships` says where they are an admin."""

    user_id: UserId
    username: str
    is_sys_admin: bool
    is_disabled: bool
    memberships: Mapping[OrganizationId, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of an organization at each request; `rates` by their keys, as they hold."""

    status: OrganizationStatus
    rates: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAccount:
    """What is known of a service key at each request."""

    key_id: ApiKeyId
    organization_id: OrganizationId
    role: Role
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationScope:
    """One principal acting in one organization; repositories of tenant data are built from it."""

    principal: Principal
    organization_id: OrganizationId
    role: Role
    rates: Mapping[str, int] = field(default_factory=dict)

    @property
    def user_id(self) -> UserId | None:
        """Which user acts; none when it is a service key."""
        return self.principal.user_id if isinstance(self.principal, Person) else None

    @property
    def api_key_id(self) -> ApiKeyId | None:
        """Which service key acts; none when it is a user."""
        return self.principal.key_id if isinstance(self.principal, ServiceKey) else None

    @property
    def actor(self) -> Actor:
        """In whose name something is changed."""
        return self.principal.actor

    def require_person(self) -> None:
        """Raise `PersonsOnly` for a service key."""
        if not isinstance(self.principal, Person):
            raise PersonsOnly

    def require_admin(self) -> None:
        """Raise `NotAllowed` for a plain member."""
        if self.role is Role.USER:
            raise NotAllowed(Role.ORG_ADMIN)


def role_in(
    organization_id: OrganizationId,
    principal: Principal,
    memberships: Mapping[OrganizationId, bool],
) -> Role | None:
    """Return the role of a principal in an organization, None when they do not belong there."""
    if isinstance(principal, ServiceKey):
        return principal.role if principal.organization_id == organization_id else None
    if principal.is_sys_admin:
        return Role.SYS_ADMIN
    if organization_id not in memberships:
        return None
    return Role.ORG_ADMIN if memberships[organization_id] else Role.USER


def enter(
    principal: Principal,
    organization_id: OrganizationId,
    *,
    role: Role | None,
    standing: Standing | None,
) -> OrganizationScope:
    """Let a principal into an organization; no `standing` means that there is no such one.

    Raises `NotFound` for an unknown organization and for a foreign one alike, and
    `OrganizationSuspended` for a member of a suspended one; a sys_admin may always enter.
    """
    if role is None or standing is None:
        raise NotFound
    if standing.status is OrganizationStatus.SUSPENDED and role is not Role.SYS_ADMIN:
        raise OrganizationSuspended
    return OrganizationScope(
        principal=principal, organization_id=organization_id, role=role, rates=standing.rates
    )
