"""Stores answers together with what they have cost, in one transaction."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import assert_never

import structlog

from cadence.domains.conversations.transcript import Transcript
from cadence.domains.conversations.transcripts import (
    AlreadySaid,
    ConversationGone,
    NewMessage,
    TranscriptStore,
)
from cadence.domains.usage.recording import UsageRecorder
from cadence.engine.contract import ModelCall
from cadence.engine.events import Outcome, Usage
from cadence.infra.away import StoreUnavailable
from cadence.infra.database.reach import within
from cadence.infra.database.transaction import Session, Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.kernel.ids import (
    ConversationId,
    MessageId,
    OrchestratorId,
    OrganizationId,
    RunId,
    new_uuid,
)

log = structlog.get_logger(__name__)

# A database that is restarted is back within ten seconds (SECURITY.md §7.1), and an answer that
# has been heard must not be lost to that.
PATIENCE_SECONDS = 12.0
PAUSE_SECONDS = 0.5


class AnswerStatus(StrEnum):
    """How the run of a stored answer has ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @classmethod
    def of(cls, outcome: Outcome) -> "AnswerStatus":
        """Return the status of a run that has ended by itself."""
        return cls(outcome.value)

    @property
    def outcome(self) -> Outcome:
        """What the run's final event says."""
        match self:
            case AnswerStatus.COMPLETED:
                return Outcome.COMPLETED
            case AnswerStatus.CANCELLED:
                return Outcome.CANCELLED
            case AnswerStatus.FAILED | AnswerStatus.INTERRUPTED:
                return Outcome.FAILED
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPlace:
    """Which question is answered; no orchestrator when it is gone."""

    organization_id: OrganizationId
    conversation_id: ConversationId
    run_id: RunId
    orchestrator_id: OrchestratorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a run has said and cost, and how it ended."""

    place: AnswerPlace
    transcript: Transcript
    status: AnswerStatus
    error_code: str | None
    usage: Usage
    calls: Sequence[ModelCall] = ()


class Answers:
    """Keeps answers; a database that is away for a moment is waited for."""

    def __init__(self, *, sessions: Sessions, store: TranscriptStore, clock: Clock) -> None:
        self._sessions = sessions
        self._store = store
        self._clock = clock

    async def keep(self, answer: Answer) -> None:
        """Store an answer and its usage; for a conversation that is gone, the usage alone.

        Raises `AlreadySaid` when somebody else has answered in this run, and `StoreUnavailable`.
        """
        message = self._message(answer)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await self._keep(answer, message)
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    raise
                log.warning("answer_waits_for_its_store", run_id=answer.place.run_id)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def _keep(self, answer: Answer, message: NewMessage) -> None:
        place = answer.place
        await self._store.prepare(place.organization_id)
        try:
            async with transaction(self._sessions, within(place.organization_id)) as session:
                said = self._store.of(session, place.organization_id)
                await said.append(place.conversation_id, message)
                await self._record(session, answer)
        except ConversationGone:
            await self._record_alone(answer)
        except AlreadySaid:
            # Perhaps by this very call, whose confirmation the network has lost.
            if not await self._is_stored(place, message):
                raise
            await self._record_alone(answer)

    async def _is_stored(self, place: AnswerPlace, message: NewMessage) -> bool:
        async with transaction(
            self._sessions, within(place.organization_id), read_only=True
        ) as session:
            said = self._store.of(session, place.organization_id)
            found = await said.find_of_run(place.conversation_id, place.run_id)
        return message.id in {one.id for one in found}

    async def _record_alone(self, answer: Answer) -> None:
        async with transaction(self._sessions, within(answer.place.organization_id)) as session:
            await self._record(session, answer)

    async def _record(self, session: Session, answer: Answer) -> None:
        place = answer.place
        if place.orchestrator_id is None or not answer.calls:
            return
        await UsageRecorder(session, place.organization_id).record(
            run_id=place.run_id,
            orchestrator_id=place.orchestrator_id,
            calls=answer.calls,
            now=self._clock.now(),
        )

    def _message(self, answer: Answer) -> NewMessage:
        transcript = answer.transcript
        return NewMessage(
            id=MessageId(new_uuid()),
            run_id=answer.place.run_id,
            role="assistant",
            content=transcript.answer,
            status=answer.status,
            error_code=answer.error_code,
            usage=asdict(answer.usage),
            agents=transcript.agents,
            tools=[
                {"tool": call.tool, "call_id": call.call_id, "is_error": call.is_error}
                for call in transcript.tools.values()
            ],
            created_at=self._clock.now(),
        )
