"""Assembles the plugin services."""

from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import Member, OrgAdmin, SysAdmin
from cadence.domains.plugins.examining import PackageExaminer
from cadence.domains.plugins.mcp_endpoints import McpEndpointRepository, McpEndpoints
from cadence.domains.plugins.mcp_headers import HeaderSeals
from cadence.domains.plugins.network import ApprovedHosts, PluginNetwork
from cadence.domains.plugins.network_approvals import NetworkApprovalRepository
from cadence.domains.plugins.registering import RegisteredPlugins
from cadence.domains.plugins.repository import PluginRepository
from cadence.domains.plugins.resting import RestingPlugins
from cadence.domains.plugins.service import PluginCatalog, PluginService
from cadence.domains.plugins.verifying import PluginVerifier
from cadence.http.at_once import at_once
from cadence.http.unit_of_work import Parts, Work
from cadence.infra.database.transaction import Session
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.actors import Actor
from cadence.kernel.ids import OrganizationId
from cadence.plugin_host.dependencies import build_offer
from cadence.plugin_host.quarantine_board import QuarantineBoard
from cadence.resources import Resources


def build_plugin_service(
    session: Session, parts: Resources, organization_id: OrganizationId | None
) -> PluginService:
    """Assemble the service for one organization, or for the system's catalog."""
    return PluginService(
        organization_id=organization_id,
        plugins=PluginRepository(session, organization_id),
        packages=parts.packages,
        examiner=build_examiner(parts, organization_id),
        clock=parts.clock,
    )


def build_examiner(parts: Resources, organization_id: OrganizationId | None) -> PackageExaminer:
    """Assemble what tells what packages are."""
    return PackageExaminer(
        organization_id,
        offer=build_offer(parts.settings.plugin.dependencies),
        describer=parts.describer,
    )


def build_plugin_verifier(
    parts: Resources, organization_id: OrganizationId, actor: Actor
) -> PluginVerifier:
    """Assemble what verifies plugins before orchestrators name them."""
    return PluginVerifier(
        organization_id=organization_id,
        sessions=parts.sessions,
        packages=parts.packages,
        examiner=build_examiner(parts, organization_id),
        actor=actor,
    )


def build_plugin_catalog(session: Session, organization_id: OrganizationId) -> PluginCatalog:
    """Assemble what other domains read, for one organization and one transaction."""
    network = ApprovedHosts(NetworkApprovalRepository(session, organization_id))
    return PluginCatalog(PluginRepository(session, organization_id), network)


def build_plugin_network(
    session: Session, parts: Resources, organization_id: OrganizationId
) -> PluginNetwork:
    """Assemble what decides about plugins' hosts, for one organization and one transaction."""
    return PluginNetwork(
        organization_id=organization_id,
        plugins=PluginRepository(session, organization_id),
        approvals=NetworkApprovalRepository(session, organization_id),
        clock=parts.clock,
    )


def build_registered_plugins(
    session: Session, parts: Resources, organization_id: OrganizationId
) -> RegisteredPlugins:
    """Assemble what registers plugins without a package, for one organization."""
    return RegisteredPlugins(
        organization_id=organization_id,
        plugins=PluginRepository(session, organization_id),
        clock=parts.clock,
    )


def build_mcp_endpoints(
    session: Session, organization_id: OrganizationId, *, sealer: Sealer
) -> McpEndpoints:
    """Assemble what opens MCP servers' addresses and headers, for one organization."""
    servers = McpEndpointRepository(session, organization_id)
    return McpEndpoints(servers, HeaderSeals(sealer, organization_id))


def build_approved_hosts(work: Work, scope: Member) -> ApprovedHosts:
    """Assemble what tells members which hosts are approved."""
    session = work.within(scope.organization_id, scope.actor)
    return ApprovedHosts(NetworkApprovalRepository(session, scope.organization_id))


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


def build_resting_plugins(parts: Parts, scope: Member) -> RestingPlugins:
    """Assemble what tells which plugins rest."""
    return RestingPlugins(
        organization_id=scope.organization_id,
        board=QuarantineBoard(parts.redis),
        clock=parts.clock,
    )


ForMember = Annotated[PluginService, Depends(at_once(build_for_member))]
ForAdmin = Annotated[PluginService, Depends(at_once(build_for_admin))]
ForSystem = Annotated[PluginService, Depends(at_once(build_for_system))]
Resting = Annotated[RestingPlugins, Depends(at_once(build_resting_plugins))]
Network = Annotated[ApprovedHosts, Depends(at_once(build_approved_hosts))]
