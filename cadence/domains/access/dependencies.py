"""The guards: every route names one of these, or stands on the public list."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cadence.domains.access.errors import NotSignedIn
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.permissions import OrganizationScope, Principal
from cadence.domains.access.service import AccessService
from cadence.domains.access.sessions import SessionStore
from cadence.http.ids import path_uuid
from cadence.http.unit_of_work import Parts
from cadence.kernel.ids import OrganizationId

_bearer = HTTPBearer(auto_error=False, description="The token of `POST /api/auth/login`.")


def build_access(parts: Parts) -> AccessService:
    """Assemble the service; it opens its own transactions."""
    return AccessService(
        sessions=parts.sessions,
        logins=SessionStore(parts.redis, parts.clock, parts.settings.access),
        passwords=Passwords(parts.password_threads),
        signing_key=parts.signing_key,
        clock=parts.clock,
    )


Access = Annotated[AccessService, Depends(build_access)]


async def signed_in(
    access: Access,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Guard: anybody with a good token."""
    if credentials is None:
        raise NotSignedIn
    return await access.identify(credentials.credentials)


SignedIn = Annotated[Principal, Depends(signed_in)]


async def sys_admin(principal: SignedIn) -> Principal:
    """Guard: the platform's administrators."""
    principal.require_sys_admin()
    return principal


def read_organization_id(org: Annotated[str, Path(description="An organization's id.")]) -> UUID:
    """Read the id in the path; whatever is no id cannot be found."""
    return path_uuid(org)


async def member(
    access: Access,
    principal: SignedIn,
    organization_id: Annotated[UUID, Depends(read_organization_id)],
) -> OrganizationScope:
    """Guard: members of the organization in the path, and sys_admins."""
    return await access.enter(principal, OrganizationId(organization_id))


Member = Annotated[OrganizationScope, Depends(member)]


async def org_admin(scope: Member) -> OrganizationScope:
    """Guard: administrators of the organization in the path, and sys_admins."""
    scope.require_admin()
    return scope


SysAdmin = Annotated[Principal, Depends(sys_admin)]
OrgAdmin = Annotated[OrganizationScope, Depends(org_admin)]
GUARDS = (signed_in, sys_admin, member, org_admin)
