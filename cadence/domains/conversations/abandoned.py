"""Answers the questions that an embedded process has left without one when it died.

Its runs were known to its own memory alone, so that nobody else could finish them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select

from cadence.domains.conversations.answers import Answer, AnswerPlace, Answers, AnswerStatus
from cadence.domains.conversations.transcript import Transcript
from cadence.domains.conversations.transcripts import StoredMessage, TranscriptStore
from cadence.engine.events import Usage
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.tables import Conversation, Message
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.kernel.ids import ConversationId, OrchestratorId, OrganizationId
from cadence.runs.errors import RunInterrupted

# A process that was away for longer has nobody who still waits for its answers.
LOOKED_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recent:
    organization_id: OrganizationId
    conversation_id: ConversationId
    orchestrator_id: UUID | None
    created_at: datetime


class AbandonedQuestions:
    """Looks through the conversations of the last day; only before any run may start."""

    def __init__(
        self, *, sessions: Sessions, store: TranscriptStore, answers: Answers, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._answers = answers
        self._clock = clock

    async def answer(self) -> int:
        """Store an empty `interrupted` answer for each question; return how many there were."""
        count = 0
        for recent in await self._recent():
            question = await self._newest(recent)
            # A fork may end with a question of the conversation that it was made from.
            if question is not None and question.created_at >= recent.created_at:
                await self._answers.keep(_interrupted(recent, question))
                count += 1
        return count

    async def _recent(self) -> Sequence[_Recent]:
        query = select(Conversation).where(
            Conversation.updated_at > self._clock.now() - LOOKED_BACK
        )
        if self._store.is_relational:
            ends_with_a_question = exists().where(
                Message.conversation_id == Conversation.id,
                Message.position == Conversation.message_count - 1,
                Message.role == "user",
            )
            query = query.where(ends_with_a_question)
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return [
                _Recent(
                    organization_id=OrganizationId(row.organization_id),
                    conversation_id=ConversationId(row.id),
                    orchestrator_id=row.orchestrator_id,
                    created_at=row.created_at,
                )
                for row in await session.scalars(query)
            ]

    async def _newest(self, recent: _Recent) -> StoredMessage | None:
        async with transaction(
            self._sessions, within(recent.organization_id), read_only=True
        ) as session:
            said = self._store.of(session, recent.organization_id)
            newest = await said.list_newest(recent.conversation_id, 1)
        return next((message for message in newest if message.role == "user"), None)


def _interrupted(recent: _Recent, question: StoredMessage) -> Answer:
    return Answer(
        place=AnswerPlace(
            organization_id=recent.organization_id,
            conversation_id=recent.conversation_id,
            run_id=question.run_id,
            orchestrator_id=None
            if recent.orchestrator_id is None
            else OrchestratorId(recent.orchestrator_id),
        ),
        transcript=Transcript(),
        status=AnswerStatus.INTERRUPTED,
        error_code=RunInterrupted.code,
        usage=Usage(),
    )
