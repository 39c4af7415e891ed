"""Assembles the conversations' services."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request

from cadence.domains.access.dependencies import Member
from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.conversations.counting import RunFigures
from cadence.domains.conversations.driving import TurnDriver
from cadence.domains.conversations.owner import owner_of
from cadence.domains.conversations.planning import TurnPlanner
from cadence.domains.conversations.remembering import Memory
from cadence.domains.conversations.repository import ConversationRepository
from cadence.domains.conversations.service import ConversationService
from cadence.domains.conversations.turn_lock import TurnLock
from cadence.domains.conversations.turns import TurnService
from cadence.domains.orchestrators.dependencies import build_orchestrator_service
from cadence.http.errors import request_id_of
from cadence.http.sse import EventStreams
from cadence.http.unit_of_work import Parts, UnitOfWork, Work
from cadence.infra.database.reach import within
from cadence.infra.database.transaction import transaction
from cadence.resources import Resources
from cadence.runs.log import RunLog


def build_conversations(work: Work, parts: Parts, scope: Member) -> ConversationService:
    """Assemble the service for one user in one organization."""
    session = work.within(scope.organization_id, scope.actor)
    conversations = ConversationRepository(session, scope.organization_id, owner_of(scope))
    return ConversationService(conversations=conversations, clock=parts.clock)


def build_turns(parts: Parts, scope: Member, request: Request) -> TurnService:
    """Assemble the service; it opens its own transactions, so none is held during a turn."""
    lock = TurnLock(parts.redis)
    return TurnService(
        scope=scope,
        request_id=request_id_of(request),
        open_planner=lambda: _open_planner(parts, scope),
        driver=TurnDriver(
            pool=parts.pool,
            sessions=parts.sessions,
            memory=build_memory(parts),
            lock=lock,
            clock=parts.clock,
            figures=RunFigures(parts.metrics),
        ),
        lock=lock,
        log=RunLog(parts.redis, parts.settings.run),
        runs=parts.runs,
    )


def build_memory(parts: Resources) -> Memory:
    """Assemble what remembers conversations."""
    return Memory(sessions=parts.sessions, summarizer=parts.summarizer, clock=parts.clock)


@asynccontextmanager
async def _open_planner(parts: Resources, scope: OrganizationScope) -> AsyncIterator[TurnPlanner]:
    async with (
        AsyncExitStack() as held,
        transaction(parts.sessions, within(scope.organization_id), actor=scope.actor) as session,
    ):
        work = UnitOfWork(session, held, parts.clock)
        yield TurnPlanner(
            organization_id=scope.organization_id,
            owner=owner_of(scope),
            conversations=ConversationRepository(session, scope.organization_id, owner_of(scope)),
            orchestrators=build_orchestrator_service(work, parts, scope),
            clock=parts.clock,
        )


def build_streams(parts: Parts) -> EventStreams:
    """Assemble what answers with event streams."""
    return EventStreams(send_timeout=parts.settings.run.send_timeout_seconds)


Streams = Annotated[EventStreams, Depends(build_streams)]
Conversations = Annotated[ConversationService, Depends(build_conversations)]
Turns = Annotated[TurnService, Depends(build_turns)]
