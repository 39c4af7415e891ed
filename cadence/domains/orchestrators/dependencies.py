"""Assembles the orchestrators' services."""

from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import Member, OrgAdmin
from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.llm_configs.dependencies import build_llm_config_service
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.service import OrchestratorService
from cadence.domains.orchestrators.writing import OrchestratorWriter
from cadence.domains.plugins.dependencies import build_plugin_catalog
from cadence.engine.contract import Graph
from cadence.engine.registry import may_build
from cadence.http.ids import path_uuid
from cadence.http.unit_of_work import Parts, UnitOfWork, Work
from cadence.kernel.ids import OrchestratorId
from cadence.resources import Resources


def build_orchestrator_service(
    work: UnitOfWork, parts: Resources, scope: OrganizationScope
) -> OrchestratorService:
    """Assemble the service for one organization and one transaction."""
    organization_id = scope.organization_id
    repository = OrchestratorRepository(work.session, organization_id)
    writer = OrchestratorWriter(
        organization_id=organization_id,
        orchestrators=repository,
        llm_configs=build_llm_config_service(work, parts, organization_id),
        plugins=build_plugin_catalog(work.session, organization_id),
        sealer=parts.sealer,
        clock=parts.clock,
        announce=work.after_commit.append,
    )
    return OrchestratorService(
        organization_id=organization_id,
        orchestrators=repository,
        writer=writer,
        supports=may_build,
        clock=parts.clock,
    )


def build_for_member(work: Work, parts: Parts, scope: Member) -> OrchestratorService:
    """Assemble what members use."""
    return build_orchestrator_service(work, parts, scope)


def build_for_admin(work: Work, parts: Parts, scope: OrgAdmin) -> OrchestratorService:
    """Assemble what admins use."""
    return build_orchestrator_service(work, parts, scope)


ForMember = Annotated[OrchestratorService, Depends(build_for_member)]
ForAdmin = Annotated[OrchestratorService, Depends(build_for_admin)]


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


BuiltGraph = Annotated[Graph, Depends(read_graph)]
