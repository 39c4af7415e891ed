"""The guards: every route names one of these, or stands on the public list."""

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cadence.domains.access.api_keys import ApiKeyService
from cadence.domains.access.authority import AuthorityCache
from cadence.domains.access.errors import NotSignedIn, PersonsOnly
from cadence.domains.access.guessing import PasswordGuesses
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.permissions import OrganizationScope, Origin, Person, Principal
from cadence.domains.access.repository import ApiKeyRepository
from cadence.domains.access.service import AccessService
from cadence.domains.access.sessions import SessionStore
from cadence.http.at_once import at_once
from cadence.http.errors import request_id_of
from cadence.http.ids import path_uuid
from cadence.http.request_rates import Rates
from cadence.http.unit_of_work import Parts, Work
from cadence.kernel.errors import CadenceError
from cadence.kernel.ids import ApiKeyId, OrganizationId

_bearer = HTTPBearer(
    auto_error=False, description="The token of `POST /api/auth/login`, or a service key."
)


def build_authority(parts: Parts) -> AuthorityCache:
    """Assemble the cache of who may do what."""
    return AuthorityCache(parts.redis, parts.sessions, environment=parts.settings.first_tier)


def build_guesses(parts: Parts, rates: Rates) -> PasswordGuesses:
    """Assemble the limits on guessing passwords."""
    return PasswordGuesses(rates, parts.limiter, settings=parts.settings.rate)


Guesses = Annotated[PasswordGuesses, Depends(at_once(build_guesses))]


def build_access(parts: Parts, guesses: Guesses) -> AccessService:
    """Assemble the service; it opens its own transactions."""
    return AccessService(
        sessions=parts.sessions,
        logins=SessionStore(parts.redis, parts.clock, parts.settings.access),
        authority=build_authority(parts),
        passwords=Passwords(parts.password_threads),
        guesses=guesses,
        signing_key=parts.signing_key,
        clock=parts.clock,
    )


Access = Annotated[AccessService, Depends(at_once(build_access))]


Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def identified(access: Access, request: Request, credentials: Credentials) -> Principal:
    """Tell who a good token belongs to; no guard, since nothing has been counted yet."""
    if credentials is None:
        raise NotSignedIn
    towards = _find_organization_id(request.path_params.get("org", ""))
    return await access.identify(credentials.credentials, origin_of(request), towards=towards)


def _find_organization_id(text: str) -> OrganizationId | None:
    try:
        return OrganizationId(UUID(text))
    except ValueError:
        return None


async def signed_in(
    access: Access, request: Request, *, rates: Rates, credentials: Credentials
) -> Principal:
    """Guard: anybody with a good token, be it a person's or a service key, within their limit."""
    principal = await identified(access, request, credentials)
    await rates.count_caller(principal.actor)
    return principal


SignedIn = Annotated[Principal, Depends(signed_in)]


def origin_of(request: Request) -> Origin:
    """Return where a request came from."""
    address = request.client.host if request.client else "unknown"
    return Origin(address=address, request_id=request_id_of(request))


async def signed_in_person(principal: SignedIn) -> Person:
    """Guard: people; what is somebody's own, a service key has none of."""
    if not isinstance(principal, Person):
        raise PersonsOnly
    return principal


SignedInPerson = Annotated[Person, Depends(signed_in_person)]


async def sys_admin(principal: SignedInPerson) -> Person:
    """Guard: the platform's administrators."""
    principal.require_sys_admin()
    return principal


OrganizationInPath = Annotated[str, Path(description="An organization's id.")]


def read_organization_id(org: OrganizationInPath) -> UUID:
    """Read the id in the path; whatever is no id cannot be found."""
    return path_uuid(org)


async def member(
    access: Access,
    principal: Annotated[Principal, Depends(identified)],
    *,
    rates: Rates,
    org: OrganizationInPath,
) -> OrganizationScope:
    """Guard: members of the organization in the path, and sys_admins, within all their limits."""
    try:
        organization_id = OrganizationId(read_organization_id(org))
        if not access.knows(organization_id):
            # Nobody may have the database asked more often than their limit allows.
            await rates.count_caller(principal.actor)
        scope = await access.enter(principal, organization_id)
    except CadenceError:
        await rates.count_caller(principal.actor)
        raise
    structlog.contextvars.bind_contextvars(organization_id=str(scope.organization_id))
    await rates.count_both(principal.actor, scope.organization_id, scope.rates)
    return scope


Member = Annotated[OrganizationScope, Depends(member)]


async def org_admin(scope: Member) -> OrganizationScope:
    """Guard: administrators of the organization in the path, and sys_admins."""
    scope.require_admin()
    return scope


OrgAdmin = Annotated[OrganizationScope, Depends(org_admin)]


async def org_admin_in_person(scope: OrgAdmin) -> OrganizationScope:
    """Guard: the same, but people only: a service key must not make service keys."""
    scope.require_person()
    return scope


def build_api_keys(
    scope: Annotated[OrganizationScope, Depends(org_admin_in_person)],
    authority: Annotated[AuthorityCache, Depends(at_once(build_authority))],
    *,
    work: Work,
    parts: Parts,
) -> ApiKeyService:
    """Assemble the service for a person who is an admin of the organization in the path."""
    session = work.within(scope.organization_id, scope.actor)
    return ApiKeyService(
        organization_id=scope.organization_id,
        keys=ApiKeyRepository(session, scope.organization_id),
        revise=lambda key_hash: work.hold(authority.revising_key(key_hash)),
        clock=parts.clock,
    )


def read_api_key_id(key: Annotated[str, Path(description="A service key's id.")]) -> ApiKeyId:
    """Read the id in the path; whatever is no id cannot be found."""
    return ApiKeyId(path_uuid(key))


ApiKeys = Annotated[ApiKeyService, Depends(at_once(build_api_keys))]
ApiKeyInPath = Annotated[ApiKeyId, Depends(at_once(read_api_key_id))]
SysAdmin = Annotated[Person, Depends(sys_admin)]
Authority = Annotated[AuthorityCache, Depends(at_once(build_authority))]
GUARDS = (signed_in, signed_in_person, sys_admin, member, org_admin, org_admin_in_person)
