"""Assembles the service of usage."""

from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import OrgAdmin
from cadence.domains.usage.prices import open_prices
from cadence.domains.usage.repository import UsageRepository
from cadence.domains.usage.service import UsageService
from cadence.http.at_once import at_once
from cadence.http.unit_of_work import Parts, Work


# The guard comes first, so that nobody unknown makes us open a transaction.
def build_usage(scope: OrgAdmin, work: Work, parts: Parts) -> UsageService:
    """Assemble what an organization's admins read."""
    session = work.within(scope.organization_id, scope.actor)
    return UsageService(
        UsageRepository(session, scope.organization_id),
        clock=parts.clock,
        open_prices=open_prices,
    )


Usage = Annotated[UsageService, Depends(at_once(build_usage))]
