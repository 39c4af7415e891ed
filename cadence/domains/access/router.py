"""`/api/auth`: logging in and out; `/api/orgs/{org}/api-keys`: what programs sign in with."""

from fastapi import APIRouter, Request

from cadence.domains.access.api_keys import MOST_KEYS
from cadence.domains.access.dependencies import (
    Access,
    ApiKeyInPath,
    ApiKeys,
    SignedInPerson,
    origin_of,
)
from cadence.domains.access.errors import TooManyApiKeys, WrongCredentials
from cadence.domains.access.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRead,
    LoginAnswer,
    LoginRequest,
)
from cadence.http.documented import errors
from cadence.http.json_bodies import StrictRoute
from cadence.http.paging import PageAnswer, PageQuery

auth = APIRouter(prefix="/api/auth", tags=["access"], route_class=StrictRoute)
keys = APIRouter(prefix="/api/orgs/{org}/api-keys", tags=["access"], route_class=StrictRoute)


@auth.post("/login", response_model=LoginAnswer, responses=errors(WrongCredentials()))
async def log_in(credentials: LoginRequest, access: Access, request: Request) -> object:
    """Exchange a name and a password for a token."""
    return await access.log_in(
        credentials.username,
        credentials.password.get_secret_value(),
        address=origin_of(request).address,
    )


@auth.delete("/logout", status_code=204)
async def log_out(access: Access, person: SignedInPerson) -> None:
    """End the session of the token that asks; it is refused from then on."""
    await access.log_out(person)


@keys.post(
    "", status_code=201, response_model=ApiKeyCreated, responses=errors(TooManyApiKeys(MOST_KEYS))
)
async def create_api_key(wanted: ApiKeyCreate, api_keys: ApiKeys, person: SignedInPerson) -> object:
    """Make a service key for a program; the answer is the only one that shows it."""
    return await api_keys.create(wanted, creator=person.user_id)


@keys.get("", response_model=PageAnswer[ApiKeyRead])
async def page_api_keys(page: PageQuery, api_keys: ApiKeys) -> object:
    """List the organization's service keys that are not revoked, oldest first."""
    return await api_keys.page(page)


@keys.delete("/{key}", status_code=204)
async def revoke_api_key(api_keys: ApiKeys, key: ApiKeyInPath) -> None:
    """Revoke a service key; it is refused from then on."""
    await api_keys.revoke(key)


router = APIRouter()
router.include_router(auth)
router.include_router(keys)
