"""`/api/orgs`: where one belongs, and its members; `/api/admin/orgs`: all of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from cadence.domains.access.dependencies import SignedIn, SignedInPerson, org_admin, sys_admin
from cadence.domains.organizations.dependencies import (
    Enrolment,
    Members,
    OrganizationInPath,
    Organizations,
)
from cadence.domains.organizations.errors import (
    AlreadyMember,
    LastAdmin,
    OrganizationNameTaken,
)
from cadence.domains.organizations.schemas import (
    EnterableOrganizationRead,
    MemberAdd,
    MemberChange,
    MemberQuery,
    MemberRead,
    MemberUserCreate,
    OrganizationChange,
    OrganizationCreate,
    OrganizationQuery,
    OrganizationRead,
)
from cadence.domains.users.dependencies import UserInPath
from cadence.domains.users.errors import EmailTaken, UsernameTaken
from cadence.domains.users.schemas import UserCreated
from cadence.http.documented import errors
from cadence.http.json_bodies import StrictRoute
from cadence.http.paging import PageAnswer, PageQuery

own = APIRouter(prefix="/api", tags=["organizations"], route_class=StrictRoute)
members = APIRouter(
    prefix="/api/orgs/{org}",
    tags=["organizations"],
    dependencies=[Depends(org_admin)],
    route_class=StrictRoute,
)
admin = APIRouter(
    prefix="/api/admin/orgs",
    tags=["organizations"],
    dependencies=[Depends(sys_admin)],
    route_class=StrictRoute,
)


@own.get("/me/orgs", response_model=PageAnswer[EnterableOrganizationRead])
async def page_memberships(
    person: SignedInPerson, page: PageQuery, organizations: Organizations
) -> object:
    """List the organizations that one is a member of, and in which role."""
    return await organizations.page_memberships(person, page)


@own.get("/orgs", response_model=list[EnterableOrganizationRead])
async def list_organizations(principal: SignedIn, organizations: Organizations) -> object:
    """List the organizations that one may enter; a sys_admin may enter all."""
    return await organizations.list_enterable(principal)


@members.get("/members", response_model=PageAnswer[MemberRead])
async def page_members(query: Annotated[MemberQuery, Query()], people: Members) -> object:
    """List who belongs to the organization."""
    return await people.page(query)


@members.post(
    "/members", status_code=201, response_model=MemberRead, responses=errors(AlreadyMember())
)
async def add_member(wanted: MemberAdd, people: Members) -> object:
    """Let an existing user into the organization."""
    return await people.add(wanted)


@members.patch("/users/{user}/membership", response_model=MemberRead, responses=errors(LastAdmin()))
async def change_member(user: UserInPath, change: MemberChange, people: Members) -> object:
    """Make a member an admin, or an admin a plain member."""
    return await people.change(user, change)


@members.delete("/users/{user}", status_code=204, responses=errors(LastAdmin()))
async def remove_member(user: UserInPath, people: Members) -> None:
    """Put a member out of the organization; their account stays."""
    await people.remove(user)


@admin.post(
    "",
    status_code=201,
    response_model=OrganizationRead,
    responses=errors(OrganizationNameTaken()),
)
async def create_organization(wanted: OrganizationCreate, organizations: Organizations) -> object:
    """Create an organization."""
    return await organizations.create(wanted)


@admin.get("", response_model=PageAnswer[OrganizationRead])
async def page_organizations(
    query: Annotated[OrganizationQuery, Query()], organizations: Organizations
) -> object:
    """List all organizations, oldest first unless sorted otherwise."""
    return await organizations.page(query)


@admin.get("/{org}", response_model=OrganizationRead)
async def get_organization(org: OrganizationInPath, organizations: Organizations) -> object:
    """Show one organization."""
    return await organizations.get(org)


@admin.patch("/{org}", response_model=OrganizationRead, responses=errors(OrganizationNameTaken()))
async def change_organization(
    org: OrganizationInPath, change: OrganizationChange, organizations: Organizations
) -> object:
    """Rename an organization, suspend it, or make it active again."""
    return await organizations.change(org, change)


@admin.delete("/{org}", status_code=204)
async def remove_organization(org: OrganizationInPath, organizations: Organizations) -> None:
    """Remove an organization with all that it has."""
    await organizations.remove(org)


@admin.post(
    "/{org}/users",
    status_code=201,
    response_model=UserCreated,
    responses=errors(UsernameTaken(), EmailTaken()),
)
async def enrol_user(
    org: OrganizationInPath, wanted: MemberUserCreate, enrolment: Enrolment
) -> object:
    """Create a user who belongs to the organization from the start."""
    return await enrolment.enrol(org, wanted)


router = APIRouter()
router.include_router(own)
router.include_router(members)
router.include_router(admin)
