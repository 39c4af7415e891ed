"""Assembles the services for one request."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from cadence.domains.access.dependencies import OrgAdmin, SignedIn, read_organization_id
from cadence.domains.organizations.members import EnrolmentService, MemberService
from cadence.domains.organizations.repository import MembershipRepository, OrganizationRepository
from cadence.domains.organizations.service import OrganizationService
from cadence.domains.users.dependencies import Users
from cadence.http.unit_of_work import Parts, Work
from cadence.kernel.ids import OrganizationId


# The guards come first, so that nobody unknown makes us open a transaction.
def build_organizations(_principal: SignedIn, work: Work, parts: Parts) -> OrganizationService:
    """Assemble the service; the routes for sys_admins are guarded by their router."""
    return OrganizationService(
        organizations=OrganizationRepository(work.session),
        announce=work.after_commit.append,
        clock=parts.clock,
    )


def build_members(scope: OrgAdmin, work: Work, parts: Parts) -> MemberService:
    """Assemble the service for an admin of the organization in the path."""
    return MemberService(
        organization_id=scope.organization_id,
        members=MembershipRepository(work.session, scope.organization_id),
        clock=parts.clock,
    )


def build_enrolment(users: Users, parts: Parts) -> EnrolmentService:
    """Assemble the service; the route that uses it is guarded by its router."""
    return EnrolmentService(sessions=parts.sessions, users=users, clock=parts.clock)


def organization_in_path(
    organization_id: Annotated[UUID, Depends(read_organization_id)],
) -> OrganizationId:
    """Type the id in the path, for the calls of sys_admins."""
    return OrganizationId(organization_id)


Organizations = Annotated[OrganizationService, Depends(build_organizations)]
Members = Annotated[MemberService, Depends(build_members)]
Enrolment = Annotated[EnrolmentService, Depends(build_enrolment)]
OrganizationInPath = Annotated[OrganizationId, Depends(organization_in_path)]
