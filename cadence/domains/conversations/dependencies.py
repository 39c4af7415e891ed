"""Assembles the conversations' services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from cadence.domains.access.dependencies import Member
from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.conversations.abandoned import AbandonedQuestions
from cadence.domains.conversations.answers import Answers
from cadence.domains.conversations.counting import RunFigures
from cadence.domains.conversations.driving import TurnDriver
from cadence.domains.conversations.ending import ConversationEnding
from cadence.domains.conversations.opening import OpeningRepository
from cadence.domains.conversations.own_runs import OwnRuns
from cadence.domains.conversations.owner import owner_of
from cadence.domains.conversations.planning import PastReader, TurnPlanner
from cadence.domains.conversations.remembering import Memory
from cadence.domains.conversations.repeating import RepeatedRequests
from cadence.domains.conversations.repository import ConversationRepository
from cadence.domains.conversations.service import ConversationService
from cadence.domains.conversations.transcript_stores import build_transcript_store
from cadence.domains.conversations.turns import TurnService
from cadence.http.at_once import at_once
from cadence.http.sse import EventStreams
from cadence.http.unit_of_work import Parts, Work
from cadence.infra.database.reach import within
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.resources import Resources

if TYPE_CHECKING:  # its driver is of no use to whoever has no MongoDB
    from cadence.infra.mongo.organizations import OrganizationDatabases


def build_conversations(work: Work, parts: Parts, scope: Member) -> ConversationService:
    """Assemble the service for one user in one organization."""
    session = work.within(scope.organization_id, scope.actor)
    return ConversationService(
        conversations=ConversationRepository(session, scope.organization_id, owner_of(scope)),
        transcripts=build_transcript_store(parts.mongo).of(session, scope.organization_id),
        clock=parts.clock,
    )


def build_answers(
    sessions: Sessions, mongo: "OrganizationDatabases | None", clock: Clock
) -> Answers:
    """Assemble what stores answers."""
    return Answers(sessions=sessions, store=build_transcript_store(mongo), clock=clock)


def build_ending(
    sessions: Sessions, mongo: "OrganizationDatabases | None", clock: Clock
) -> ConversationEnding:
    """Assemble what finishes the runs of processes that have died."""
    return ConversationEnding(
        sessions=sessions,
        store=build_transcript_store(mongo),
        answers=build_answers(sessions, mongo, clock),
    )


def build_abandoned_questions(parts: Resources) -> AbandonedQuestions:
    """Assemble what answers the questions that an embedded process has left behind."""
    return AbandonedQuestions(
        sessions=parts.sessions,
        store=build_transcript_store(parts.mongo),
        answers=build_answers(parts.sessions, parts.mongo, parts.clock),
        clock=parts.clock,
    )


def build_own_runs(parts: Parts, scope: Member) -> OwnRuns:
    """Assemble what reads and cancels the caller's runs."""
    return OwnRuns(scope=scope, runs=parts.runs)


def build_turns(parts: Parts, scope: Member, request: Request) -> TurnService:
    """Assemble the service; it opens its own transactions, so none is held during a turn."""
    settings = parts.settings.run
    return TurnService(
        scope=scope,
        open_planner=lambda: _open_planner(parts, scope),
        driver=TurnDriver(
            pool=parts.pool,
            memory=build_memory(parts),
            answers=build_answers(parts.sessions, parts.mongo, parts.clock),
            slots=parts.runs.slots,
            figures=RunFigures(parts.metrics),
            traces=parts.traces.below(request.headers.get("traceparent")),
            max_seconds=settings.max_seconds,
        ),
        repeats=RepeatedRequests(
            parts.redis,
            parts.runs.log,
            organization_id=scope.organization_id,
            owner=str(owner_of(scope)),
            settings=settings,
        ),
        runs=parts.runs,
        own=build_own_runs(parts, scope),
        clock=parts.clock,
    )


def build_memory(parts: Resources) -> Memory:
    """Assemble what remembers conversations."""
    return Memory(
        sessions=parts.sessions,
        store=build_transcript_store(parts.mongo),
        summarizer=parts.summarizer,
        clock=parts.clock,
    )


@asynccontextmanager
async def _open_planner(parts: Resources, scope: OrganizationScope) -> AsyncIterator[TurnPlanner]:
    organization_id, owner = scope.organization_id, owner_of(scope)
    reach = within(organization_id)
    store = build_transcript_store(parts.mongo)
    await store.prepare(organization_id)
    async with transaction(parts.sessions, reach, actor=scope.actor) as session:
        transcripts = store.of(session, organization_id)
        yield TurnPlanner(
            owner=owner,
            reader=PastReader(
                openings=OpeningRepository(session, organization_id, owner),
                transcripts=transcripts,
                is_relational=store.is_relational,
                windows=parts.windows,
                environment=parts.settings.first_tier,
            ),
            conversations=ConversationRepository(session, organization_id, owner),
            transcripts=transcripts,
            clock=parts.clock,
        )


def build_streams(parts: Parts) -> EventStreams:
    """Assemble what answers with event streams."""
    return EventStreams(send_timeout=parts.settings.run.send_timeout_seconds)


Streams = Annotated[EventStreams, Depends(at_once(build_streams))]
Conversations = Annotated[ConversationService, Depends(at_once(build_conversations))]
Running = Annotated[OwnRuns, Depends(at_once(build_own_runs))]
Turns = Annotated[TurnService, Depends(at_once(build_turns))]
