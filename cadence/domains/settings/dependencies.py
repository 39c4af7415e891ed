"""Assembles the services of settings."""

from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import Authority, OrgAdmin, SysAdmin
from cadence.domains.settings.repository import SettingRepository
from cadence.domains.settings.service import (
    GlobalSettings,
    OrganizationSettings,
    TierReader,
    reloading,
)
from cadence.domains.settings.tiers import Environment
from cadence.http.at_once import at_once
from cadence.http.unit_of_work import Parts, Work
from cadence.infra.database.transaction import Session
from cadence.kernel.ids import OrganizationId


def build_tier_reader(
    session: Session, organization_id: OrganizationId, *, environment: Environment
) -> TierReader:
    """Assemble what other domains read, for one organization and one transaction."""
    return TierReader(settings=SettingRepository(session, organization_id), environment=environment)


# The guards come first, so that nobody unknown makes us open a transaction.
def build_for_admin(
    scope: OrgAdmin, authority: Authority, *, work: Work, parts: Parts
) -> OrganizationSettings:
    """Assemble what an organization's admins use."""
    organization_id = scope.organization_id
    settings = SettingRepository(work.within(organization_id, scope.actor), organization_id)
    return OrganizationSettings(
        settings=settings,
        tiers=TierReader(settings=settings, environment=parts.settings.first_tier),
        reload=lambda: work.announce(reloading(organization_id)),
        revise=lambda: work.hold(authority.revising_organization(organization_id)),
        clock=parts.clock,
        author=scope.user_id,
        is_operator=scope.principal.is_sys_admin,
    )


def build_for_system(person: SysAdmin, work: Work, parts: Parts) -> GlobalSettings:
    """Assemble what sys_admins use for all organizations."""
    settings = SettingRepository(work.platform(person.actor), None)
    return GlobalSettings(
        settings=settings,
        tiers=TierReader(settings=settings, environment=parts.settings.first_tier),
        reload=lambda: work.announce(reloading(None)),
        clock=parts.clock,
        author=person.user_id,
    )


ForAdmin = Annotated[OrganizationSettings, Depends(at_once(build_for_admin))]
ForSystem = Annotated[GlobalSettings, Depends(at_once(build_for_system))]
