"""Assembles the plugin services."""

from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import Member, OrgAdmin, SysAdmin
from cadence.domains.plugins.repository import PluginRepository
from cadence.domains.plugins.service import PluginCatalog, PluginService
from cadence.http.at_once import at_once
from cadence.http.unit_of_work import Parts, Work
from cadence.infra.database.transaction import Session
from cadence.kernel.ids import OrganizationId
from cadence.resources import Resources


def build_plugin_service(
    session: Session, parts: Resources, organization_id: OrganizationId | None
) -> PluginService:
    """Assemble the service for one organization, or for the system's catalog."""
    return PluginService(
        organization_id=organization_id,
        plugins=PluginRepository(session, organization_id),
        packages=parts.packages,
        clock=parts.clock,
    )


def build_plugin_catalog(session: Session, organization_id: OrganizationId) -> PluginCatalog:
    """Assemble what other domains read, for one organization and one transaction."""
    return PluginCatalog(PluginRepository(session, organization_id))


def build_for_member(work: Work, parts: Parts, scope: Member) -> PluginService:
    """Assemble what members use."""
    session = work.within(scope.organization_id, scope.actor)
    return build_plugin_service(session, parts, scope.organization_id)


def build_for_admin(work: Work, parts: Parts, scope: OrgAdmin) -> PluginService:
    """Assemble what an organization's admins use."""
    session = work.within(scope.organization_id, scope.actor)
    return build_plugin_service(session, parts, scope.organization_id)


def build_for_system(work: Work, parts: Parts, person: SysAdmin) -> PluginService:
    """Assemble what sys_admins use for the plugins of all organizations."""
    return build_plugin_service(work.platform(person.actor), parts, None)


ForMember = Annotated[PluginService, Depends(at_once(build_for_member))]
ForAdmin = Annotated[PluginService, Depends(at_once(build_for_admin))]
ForSystem = Annotated[PluginService, Depends(at_once(build_for_system))]
