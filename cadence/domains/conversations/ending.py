"""Finishes in the conversation what a dead process's run had begun to say."""

from collections.abc import Mapping, Sequence
from typing import Any

from cadence.domains.conversations.answers import Answer, AnswerPlace, Answers, AnswerStatus
from cadence.domains.conversations.costs import calls_of, total_of
from cadence.domains.conversations.finished import as_event
from cadence.domains.conversations.replaying import recorded_error
from cadence.domains.conversations.transcript import Transcript
from cadence.domains.conversations.transcripts import (
    AlreadySaid,
    StoredMessage,
    TranscriptStore,
)
from cadence.engine.events import MessageDelta, Outcome, RunError, Usage
from cadence.infra.database.reach import within
from cadence.infra.database.transaction import Sessions, transaction
from cadence.runs.errors import RunInterrupted
from cadence.runs.logged import LoggedEvent
from cadence.runs.ports import Settled
from cadence.runs.record import RunRecord


class ConversationEnding:
    """Keeps what was said; an answer that is stored already decides how its run ended."""

    def __init__(self, *, sessions: Sessions, store: TranscriptStore, answers: Answers) -> None:
        self._sessions = sessions
        self._store = store
        self._answers = answers

    async def settle(
        self, record: RunRecord, said: Sequence[LoggedEvent], usage: Mapping[str, Any] | None
    ) -> Settled | None:
        """Store the partial answer, or find the one that is stored.

        None when the question was never stored, or was deleted with its conversation.
        """
        spoken = await self._spoken(record)
        if "user" not in spoken:
            return None
        if "assistant" not in spoken:
            answer = _interrupted(record, said, usage)
            try:
                await self._answers.keep(answer)
            except AlreadySaid:  # its process lived long enough after all
                spoken = await self._spoken(record)
            else:
                error = as_event(RunInterrupted(), record.request_id)
                return Settled(outcome=Outcome.FAILED, usage=answer.usage, error=error)
        stored = spoken.get("assistant")
        return None if stored is None else _settled(stored, record, said)

    async def _spoken(self, record: RunRecord) -> dict[str, StoredMessage]:
        async with transaction(
            self._sessions, within(record.organization_id), read_only=True
        ) as session:
            said = self._store.of(session, record.organization_id)
            found = await said.find_of_run(record.conversation_id, record.run_id)
        return {message.role: message for message in found}


def _interrupted(
    record: RunRecord, said: Sequence[LoggedEvent], usage: Mapping[str, Any] | None
) -> Answer:
    transcript = _transcript(said)
    calls = calls_of(usage)
    return Answer(
        place=AnswerPlace(
            organization_id=record.organization_id,
            conversation_id=record.conversation_id,
            run_id=record.run_id,
            orchestrator_id=record.orchestrator_id,
        ),
        transcript=transcript,
        status=AnswerStatus.INTERRUPTED,
        error_code=RunInterrupted.code,
        usage=total_of(calls),
        calls=calls,
    )


def _settled(stored: StoredMessage, record: RunRecord, said: Sequence[LoggedEvent]) -> Settled:
    outcome = AnswerStatus(stored.status).outcome
    is_told = any(event.name == RunError.name for event in said)
    error = None
    if outcome is Outcome.FAILED and not is_told:
        error = as_event(recorded_error(stored.error_code or ""), record.request_id)
    return Settled(
        outcome=outcome,
        usage=Usage(**(stored.usage or {})),
        error=error,
        rest=None if is_told else _rest(stored, said),
    )


def _rest(stored: StoredMessage, said: Sequence[LoggedEvent]) -> MessageDelta | None:
    """Return what was stored and never told, since its process died before it could tell all."""
    told = _transcript(said).answer
    speakers = [event.fields["agent"] for event in said if event.name == MessageDelta.name]
    agent = next(reversed(speakers or stored.agents), None)
    if agent is None or stored.content == told or not stored.content.startswith(told):
        return None
    return MessageDelta(content=stored.content[len(told) :], agent=agent)


def _transcript(said: Sequence[LoggedEvent]) -> Transcript:
    transcript = Transcript()
    for event in said:
        transcript.note_logged(event.name, event.fields)
    return transcript
