"""Assembles the services of the audit trail."""

from functools import partial
from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import OrgAdmin, SysAdmin
from cadence.domains.audit.repository import AuditRepository
from cadence.domains.audit.service import OrganizationAudit, PlatformAudit
from cadence.http.at_once import at_once
from cadence.http.unit_of_work import Work


# The guards come first, so that nobody unknown makes us open a transaction.
def build_for_admin(scope: OrgAdmin, work: Work) -> OrganizationAudit:
    """Assemble what an organization's admins read."""
    session = work.within(scope.organization_id, scope.actor)
    return OrganizationAudit(AuditRepository(session, scope.organization_id))


def build_for_platform(person: SysAdmin, work: Work) -> PlatformAudit:
    """Assemble what sys_admins read."""
    return PlatformAudit(partial(AuditRepository, work.platform(person.actor)))


ForAdmin = Annotated[OrganizationAudit, Depends(at_once(build_for_admin))]
ForPlatform = Annotated[PlatformAudit, Depends(at_once(build_for_platform))]
