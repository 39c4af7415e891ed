"""Assembles the services of MCP servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import Depends

from cadence.domains.access.dependencies import OrgAdmin
from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.mcp_servers.registrar import McpRegistrar
from cadence.domains.mcp_servers.repository import McpServerRepository
from cadence.domains.mcp_servers.service import McpServerService
from cadence.domains.mcp_servers.trial import McpTrial
from cadence.domains.orchestrators.dependencies import build_refresher
from cadence.domains.orchestrators.storing import Announce
from cadence.domains.plugins.dependencies import build_registered_plugins
from cadence.domains.plugins.mcp_headers import HeaderSeals
from cadence.http.at_once import at_once
from cadence.http.ids import path_uuid
from cadence.http.unit_of_work import Parts, Work
from cadence.infra.database.reach import within
from cadence.infra.database.transaction import Session, transaction
from cadence.infra.events.messages import OrchestratorEvent
from cadence.infra.events.relay import outbox_row
from cadence.kernel.ids import McpServerId
from cadence.plugin_host.mcp.endpoint import McpLimits
from cadence.plugin_host.mcp.opener import McpServers
from cadence.resources import Resources


def build_mcp_servers(
    session: Session, parts: Resources, scope: OrganizationScope, *, announce: Announce
) -> McpServerService:
    """Assemble the service for one organization and one transaction."""
    organization_id = scope.organization_id
    refresher = build_refresher(parts, session, organization_id, announce=announce)
    return McpServerService(
        organization_id=organization_id,
        servers=McpServerRepository(session, organization_id),
        plugins=build_registered_plugins(session, parts, organization_id),
        seals=HeaderSeals(parts.sealer, organization_id),
        refresh=refresher.refresh,
        clock=parts.clock,
    )


def build_for_admin(scope: OrgAdmin, work: Work, parts: Parts) -> McpServerService:
    """Assemble what admins read and remove with."""
    session = work.within(scope.organization_id, scope.actor)
    return build_mcp_servers(session, parts, scope, announce=work.announce)


@asynccontextmanager
async def open_mcp_servers(
    parts: Resources, scope: OrganizationScope, *, read_only: bool
) -> AsyncIterator[McpServerService]:
    """Open the service in a short transaction of its own, and tell what is to be told after it."""
    told: list[OrchestratorEvent] = []
    reach = within(scope.organization_id)
    async with transaction(
        parts.sessions, reach, actor=scope.actor, read_only=read_only
    ) as session:

        def announce(event: OrchestratorEvent) -> None:
            session.add(outbox_row(event, now=parts.clock.now()))
            told.append(event)

        yield build_mcp_servers(session, parts, scope, announce=announce)
    if told:
        parts.relay.wake()


def build_registrar(scope: OrgAdmin, parts: Parts) -> McpRegistrar:
    """Assemble what registers, which holds no transaction while it waits for a server."""
    limits = McpLimits()
    return McpRegistrar(
        reading=partial(open_mcp_servers, parts, scope, read_only=True),
        writing=partial(open_mcp_servers, parts, scope, read_only=False),
        look=McpServers(parts.egress, limits=limits).look,
        limits=limits,
        rules=parts.egress_rules,
        creator=scope.user_id,
    )


def build_trial(scope: OrgAdmin, parts: Parts) -> McpTrial:
    """Assemble the trial."""
    return McpTrial(
        reading=partial(open_mcp_servers, parts, scope, read_only=True),
        look=McpServers(parts.egress).look,
    )


def read_server_id(server_id: str) -> McpServerId:
    """Read the id in the path; whatever is no id cannot be found."""
    return McpServerId(path_uuid(server_id))


ForAdmin = Annotated[McpServerService, Depends(at_once(build_for_admin))]
Registrar = Annotated[McpRegistrar, Depends(at_once(build_registrar))]
Trial = Annotated[McpTrial, Depends(at_once(build_trial))]
ServerId = Annotated[McpServerId, Depends(at_once(read_server_id))]
