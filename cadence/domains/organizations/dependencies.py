"""Assembles the services for one request."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from cadence.domains.access.dependencies import (
    Authority,
    OrgAdmin,
    SignedIn,
    SysAdmin,
    read_organization_id,
)
from cadence.domains.organizations.forgetting import forgetting
from cadence.domains.organizations.members import EnrolmentService, MemberService
from cadence.domains.organizations.repository import MembershipRepository, OrganizationRepository
from cadence.domains.organizations.service import OrganizationService
from cadence.domains.users.dependencies import Users
from cadence.http.at_once import at_once
from cadence.http.unit_of_work import Parts, UnitOfWork, Work
from cadence.kernel.ids import OrganizationId
from cadence.resources import Resources


# The guards come first, so that nobody unknown makes us open a transaction.
def build_organizations(
    principal: SignedIn, authority: Authority, *, work: Work, parts: Parts
) -> OrganizationService:
    """Assemble the service; the routes for sys_admins are guarded by their router."""
    return OrganizationService(
        organizations=OrganizationRepository(work.platform(principal.actor)),
        revise=lambda changed: work.hold(authority.revising_organization(changed)),
        forget=lambda removed: _forget(removed, work=work, parts=parts),
        announce=work.announce,
        clock=parts.clock,
    )


async def _forget(removed: OrganizationId, *, work: UnitOfWork, parts: Resources) -> None:
    if parts.mongo is not None:
        # Nothing is removed while a part of it would stay.
        await parts.mongo.ping()
        await work.hold(forgetting(parts.mongo, removed))


def build_members(
    scope: OrgAdmin, authority: Authority, *, work: Work, parts: Parts
) -> MemberService:
    """Assemble the service for an admin of the organization in the path."""
    return MemberService(
        organization_id=scope.organization_id,
        members=MembershipRepository(
            work.within(scope.organization_id, scope.actor), scope.organization_id
        ),
        revise=lambda changed: work.hold(authority.revising_user(changed)),
        clock=parts.clock,
    )


def build_enrolment(users: Users, parts: Parts, person: SysAdmin) -> EnrolmentService:
    """Assemble the service for a sys_admin."""
    return EnrolmentService(
        sessions=parts.sessions, users=users, actor=person.actor, clock=parts.clock
    )


def organization_in_path(
    organization_id: Annotated[UUID, Depends(at_once(read_organization_id))],
) -> OrganizationId:
    """Type the id in the path, for the calls of sys_admins."""
    return OrganizationId(organization_id)


Organizations = Annotated[OrganizationService, Depends(at_once(build_organizations))]
Members = Annotated[MemberService, Depends(at_once(build_members))]
Enrolment = Annotated[EnrolmentService, Depends(at_once(build_enrolment))]
OrganizationInPath = Annotated[OrganizationId, Depends(at_once(organization_in_path))]
