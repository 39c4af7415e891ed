"""Assembles the orchestrators' services."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import Member, OrgAdmin, SysAdmin
from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.llm_configs.dependencies import build_llm_config_service
from cadence.domains.orchestrators.following import VersionFollower
from cadence.domains.orchestrators.following_everywhere import FollowingEverywhere
from cadence.domains.orchestrators.moving import PluginMover
from cadence.domains.orchestrators.plugin_network import PluginNetworkChanges
from cadence.domains.orchestrators.publishing import PluginPublishing
from cadence.domains.orchestrators.readiness import OrchestratorReadiness
from cadence.domains.orchestrators.refreshing import PluginRefresher
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.service import OrchestratorService
from cadence.domains.orchestrators.storing import Announce, OrchestratorStore
from cadence.domains.orchestrators.upgrading import PluginUpgrades
from cadence.domains.orchestrators.uses import PluginUses
from cadence.domains.orchestrators.writing import OrchestratorWriter
from cadence.domains.plugins.dependencies import (
    build_plugin_catalog,
    build_plugin_network,
    build_plugin_service,
    build_plugin_verifier,
)
from cadence.domains.plugins.service import PluginCatalog
from cadence.domains.settings.dependencies import build_tier_reader
from cadence.engine.contract import Graph
from cadence.engine.registry import may_build
from cadence.http.at_once import at_once
from cadence.http.ids import path_uuid
from cadence.http.unit_of_work import Parts, UnitOfWork, Work
from cadence.infra.database.transaction import Session
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.resources import Resources


def build_orchestrator_service(
    work: UnitOfWork, parts: Resources, scope: OrganizationScope
) -> OrchestratorService:
    """Assemble the service for one organization and one transaction."""
    organization_id = scope.organization_id
    session = work.within(organization_id, scope.actor)
    bench = _bench(parts, session, organization_id, announce=work.announce)
    writer = OrchestratorWriter(
        organization_id=organization_id,
        store=bench.store,
        llm_configs=build_llm_config_service(work, parts, scope),
        plugins=bench.plugins,
        verifier=build_plugin_verifier(parts, organization_id, scope.actor),
        sealer=parts.sealer,
        advance=bench.mover.advance,
    )
    return OrchestratorService(
        organization_id=organization_id,
        orchestrators=bench.orchestrators,
        writer=writer,
        uses=PluginUses(
            orchestrators=bench.orchestrators, plugins=bench.plugins, mover=bench.mover
        ),
        tiers=build_tier_reader(session, organization_id, environment=parts.settings.first_tier),
        supports=may_build,
        clock=parts.clock,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What several services of one organization and one transaction are made of."""

    orchestrators: OrchestratorRepository
    plugins: PluginCatalog
    store: OrchestratorStore
    mover: PluginMover


def _bench(
    parts: Resources, session: Session, organization_id: OrganizationId, *, announce: Announce
) -> _Bench:
    orchestrators = OrchestratorRepository(session, organization_id)
    plugins = build_plugin_catalog(session, organization_id)
    store = OrchestratorStore(
        organization_id=organization_id,
        orchestrators=orchestrators,
        plugins=plugins,
        clock=parts.clock,
        announce=announce,
    )
    mover = PluginMover(
        organization_id=organization_id,
        orchestrators=orchestrators,
        store=store,
        plugins=plugins,
        sealer=parts.sealer,
    )
    return _Bench(orchestrators=orchestrators, plugins=plugins, store=store, mover=mover)


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


def build_upgrades(work: Work, parts: Parts, scope: OrgAdmin) -> PluginUpgrades:
    """Assemble what moves a plugin of an orchestrator to another version."""
    session = work.within(scope.organization_id, scope.actor)
    bench = _bench(parts, session, scope.organization_id, announce=work.announce)
    return PluginUpgrades(
        orchestrators=bench.orchestrators,
        plugins=bench.plugins,
        mover=bench.mover,
        verifier=build_plugin_verifier(parts, scope.organization_id, scope.actor),
    )


Upgrades = Annotated[PluginUpgrades, Depends(at_once(build_upgrades))]


def build_network_changes(work: Work, parts: Parts, scope: OrgAdmin) -> PluginNetworkChanges:
    """Assemble what changes the hosts that plugins may call."""
    session = work.within(scope.organization_id, scope.actor)
    return PluginNetworkChanges(
        network=build_plugin_network(session, parts, scope.organization_id),
        refresher=build_refresher(parts, session, scope.organization_id, announce=work.announce),
    )


NetworkChanges = Annotated[PluginNetworkChanges, Depends(at_once(build_network_changes))]


def build_follower(
    parts: Resources, session: Session, organization_id: OrganizationId, *, announce: Announce
) -> VersionFollower:
    """Assemble what has one organization's orchestrators follow, in one transaction."""
    bench = _bench(parts, session, organization_id, announce=announce)
    return VersionFollower(orchestrators=bench.orchestrators, mover=bench.mover)


def build_refresher(
    parts: Resources, session: Session, organization_id: OrganizationId, *, announce: Announce
) -> PluginRefresher:
    """Assemble what has one organization's orchestrators built anew, in one transaction."""
    bench = _bench(parts, session, organization_id, announce=announce)
    return PluginRefresher(orchestrators=bench.orchestrators, store=bench.store)


def build_following_everywhere(parts: Resources) -> FollowingEverywhere:
    """Assemble what has every organization's orchestrators follow."""
    return FollowingEverywhere(
        sessions=parts.sessions,
        build_follower=partial(build_follower, parts),
        clock=parts.clock,
        wake_relay=parts.relay.wake,
    )


def build_own_publishing(work: Work, parts: Parts, scope: OrgAdmin) -> PluginPublishing:
    """Assemble the uploads of an organization, which is followed in the same transaction."""
    organization_id = scope.organization_id
    session = work.within(organization_id, scope.actor)
    follower = build_follower(parts, session, organization_id, announce=work.announce)
    return PluginPublishing(
        plugins=build_plugin_service(session, parts, organization_id), follow=follower.follow
    )


def build_system_publishing(work: Work, parts: Parts, person: SysAdmin) -> PluginPublishing:
    """Assemble the system's uploads, which every organization follows by itself afterwards."""
    everywhere = build_following_everywhere(parts)

    async def follow(pid: str) -> None:
        await work.hold(everywhere.afterwards(pid, actor=person.actor))

    session = work.platform(person.actor)
    return PluginPublishing(plugins=build_plugin_service(session, parts, None), follow=follow)


OwnPublishing = Annotated[PluginPublishing, Depends(at_once(build_own_publishing))]
SystemPublishing = Annotated[PluginPublishing, Depends(at_once(build_system_publishing))]
