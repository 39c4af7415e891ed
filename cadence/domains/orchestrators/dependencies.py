"""Assembles the orchestrators' services."""

from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import Member, OrgAdmin
from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.llm_configs.dependencies import build_llm_config_service
from cadence.domains.orchestrators.readiness import OrchestratorReadiness
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.service import OrchestratorService
from cadence.domains.orchestrators.writing import OrchestratorWriter
from cadence.domains.plugins.dependencies import build_plugin_catalog
from cadence.domains.settings.dependencies import build_tier_reader
from cadence.engine.contract import Graph
from cadence.engine.registry import may_build
from cadence.http.at_once import at_once
from cadence.http.ids import path_uuid
from cadence.http.unit_of_work import Parts, UnitOfWork, Work
from cadence.kernel.ids import OrchestratorId
from cadence.resources import Resources


def build_orchestrator_service(
    work: UnitOfWork, parts: Resources, scope: OrganizationScope
) -> OrchestratorService:
    """Assemble the service for one organization and one transaction."""
    organization_id = scope.organization_id
    session = work.within(organization_id, scope.actor)
    repository = OrchestratorRepository(session, organization_id)
    tiers = build_tier_reader(session, organization_id, environment=parts.settings.first_tier)
    writer = OrchestratorWriter(
        organization_id=organization_id,
        orchestrators=repository,
        llm_configs=build_llm_config_service(work, parts, scope),
        plugins=build_plugin_catalog(session, organization_id),
        sealer=parts.sealer,
        clock=parts.clock,
        announce=work.announce,
    )
    return OrchestratorService(
        organization_id=organization_id,
        orchestrators=repository,
        writer=writer,
        tiers=tiers,
        supports=may_build,
        clock=parts.clock,
    )


def build_for_member(work: Work, parts: Parts, scope: Member) -> OrchestratorService:
    """Assemble what members use."""
    return build_orchestrator_service(work, parts, scope)


def build_for_admin(work: Work, parts: Parts, scope: OrgAdmin) -> OrchestratorService:
    """Assemble what admins use."""
    return build_orchestrator_service(work, parts, scope)


ForMember = Annotated[OrchestratorService, Depends(at_once(build_for_member))]
ForAdmin = Annotated[OrchestratorService, Depends(at_once(build_for_admin))]


async def read_graph(
    orchestrator_id: str, *, parts: Parts, scope: Member, orchestrators: ForMember
) -> Graph:
    """Return the shape of an orchestrator as the pool has built it."""
    launch = await orchestrators.get_launch(OrchestratorId(path_uuid(orchestrator_id)))
    lease = parts.pool.lease(
        scope.organization_id, launch.orchestrator_id, build_hash=launch.build_hash
    )
    async with lease as built:
        return built.runtime.graph()


def build_readiness(parts: Parts, scope: Member, orchestrators: ForMember) -> OrchestratorReadiness:
    """Assemble what tells how ready an orchestrator is."""
    return OrchestratorReadiness(
        organization_id=scope.organization_id,
        orchestrators=orchestrators,
        pool=parts.pool,
        board=parts.board,
    )


Readiness = Annotated[OrchestratorReadiness, Depends(at_once(build_readiness))]
BuiltGraph = Annotated[Graph, Depends(read_graph)]
