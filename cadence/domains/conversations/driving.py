"""Drives one turn from its first event to its last, whatever happens in between."""

import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Protocol

import structlog

from cadence.domains.conversations.counting import RunFigures
from cadence.domains.conversations.errors import RunBroke, RunCancelled
from cadence.domains.conversations.history import Past
from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.remembering import Memory, Whose
from cadence.domains.conversations.repository import ConversationRepository
from cadence.domains.conversations.transcript import Transcript
from cadence.domains.conversations.turn_lock import TurnLock
from cadence.engine.contract import Turn, UsageMeter
from cadence.engine.errors import EngineError
from cadence.engine.events import Outcome, RunClosed, RunError, RunEvent, RunOpened, Usage
from cadence.infra.away import find_store_away
from cadence.infra.database.reach import within
from cadence.infra.database.tables import Message
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.kernel.errors import CadenceError, Kind
from cadence.kernel.ids import (
    ConversationId,
    OrchestratorId,
    OrganizationId,
    RunId,
    new_uuid,
)
from cadence.pool.pool import Pool
from cadence.runs.registry import RunScope

log = structlog.get_logger(__name__)

PASSING = frozenset({Kind.TIMEOUT, Kind.TOO_MANY, Kind.UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTurn:
    """A turn whose user message is stored."""

    run_id: RunId
    request_id: str
    organization_id: OrganizationId
    owner: ConversationOwner
    conversation_id: ConversationId
    orchestrator_id: OrchestratorId
    build_hash: str
    message: str
    past: Past

    @property
    def whose(self) -> Whose:
        """Whose conversation the turn belongs to."""
        return Whose(
            organization_id=self.organization_id,
            owner=self.owner,
            conversation_id=self.conversation_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedTurn:
    """How a turn ended; `error` is what a client may be told."""

    outcome: Outcome
    transcript: Transcript
    usage: Usage
    error: CadenceError | None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a turn has said and cost so far."""

    transcript: Transcript = field(default_factory=Transcript)
    meter: UsageMeter = field(default_factory=UsageMeter)


class Writer(Protocol):
    """Where a run's events go."""

    async def append(self, event: RunEvent) -> None:
        """Write the next event."""
        ...


class TurnDriver:
    """Runs turns; no database connection is held while tokens flow."""

    def __init__(
        self,
        *,
        pool: Pool,
        sessions: Sessions,
        memory: Memory,
        lock: TurnLock,
        clock: Clock,
        figures: RunFigures,
    ) -> None:
        self._pool = pool
        self._sessions = sessions
        self._memory = memory
        self._lock = lock
        self._clock = clock
        self._figures = figures

    async def drive(self, turn: PlannedTurn, writer: Writer, scope: RunScope) -> FinishedTurn:
        """Answer, store the answer, and only then write the final event.

        A cancelled turn is finished like any other: what it had said is kept.
        """
        self._figures.begin()
        try:
            finished = await self._drive(turn, writer, scope)
        except BaseException:
            self._figures.end(Outcome.FAILED)
            raise
        tools = finished.transcript.tools.values()
        self._figures.end(finished.outcome, finished.usage, tools)
        return finished

    async def _drive(self, turn: PlannedTurn, writer: Writer, scope: RunScope) -> FinishedTurn:
        started = time.monotonic()
        await writer.append(
            RunOpened(
                run_id=turn.run_id,
                conversation_id=str(turn.conversation_id),
                instance_id=str(turn.orchestrator_id),
            )
        )
        finished = await self._answer(turn, writer, scope)
        finished = await self._keep(turn, finished)
        if finished.error is not None and finished.outcome is Outcome.FAILED:
            await writer.append(_as_event(finished.error, turn.request_id))
        await self._lock.release(turn.conversation_id, turn.run_id)
        await writer.append(
            RunClosed(
                outcome=finished.outcome,
                usage=finished.usage,
                duration_ms=int((time.monotonic() - started) * 1000),
            )
        )
        return finished

    async def _answer(self, turn: PlannedTurn, writer: Writer, scope: RunScope) -> FinishedTurn:
        said = Progress()
        outcome = Outcome.COMPLETED
        error: CadenceError | None = None
        try:
            if not await scope.run(partial(self._stream, turn, writer, said)):
                outcome, error = Outcome.CANCELLED, RunCancelled()
        except CadenceError as failure:
            outcome, error = Outcome.FAILED, failure
        except Exception as failure:  # the outermost loop of a run, which ends in order
            log.exception("turn_broke", run_id=turn.run_id)
            outcome, error = Outcome.FAILED, find_store_away(failure) or RunBroke()
        return FinishedTurn(
            outcome=outcome, transcript=said.transcript, usage=said.meter.total, error=error
        )

    async def _stream(self, turn: PlannedTurn, writer: Writer, said: Progress) -> None:
        lease = self._pool.lease(
            turn.organization_id, turn.orchestrator_id, build_hash=turn.build_hash
        )
        async with lease as built:
            history = await self._memory.recall(
                turn.past, turn.whose, model=built.model, meter=said.meter
            )
            asked = Turn(message=turn.message, history=history, meter=said.meter)
            async for event in built.runtime.stream(asked):
                said.transcript.note(event)
                await writer.append(event)

    async def _keep(self, turn: PlannedTurn, finished: FinishedTurn) -> FinishedTurn:
        try:
            await self._store(turn, finished)
        except Exception as failure:  # its fault must not leave readers without a final event
            log.exception("answer_not_stored", run_id=turn.run_id)
            return FinishedTurn(
                outcome=Outcome.FAILED,
                transcript=finished.transcript,
                usage=finished.usage,
                error=find_store_away(failure) or RunBroke(),
            )
        return finished

    async def _store(self, turn: PlannedTurn, finished: FinishedTurn) -> None:
        async with transaction(self._sessions, within(turn.organization_id)) as session:
            conversations = ConversationRepository(session, turn.organization_id, turn.owner)
            conversation = await conversations.find(turn.conversation_id)
            if conversation is not None:
                await conversations.append(conversation, self._message(turn, finished))

    def _message(self, turn: PlannedTurn, finished: FinishedTurn) -> Message:
        return Message(
            id=new_uuid(),
            organization_id=turn.organization_id,
            conversation_id=turn.conversation_id,
            run_id=turn.run_id,
            role="assistant",
            content=finished.transcript.answer,
            status=finished.outcome,
            error_code=finished.error.code if finished.error else None,
            usage=asdict(finished.usage),
            agents=finished.transcript.agents,
            tools=[
                {"tool": call.tool, "call_id": call.call_id, "is_error": call.is_error}
                for call in finished.transcript.tools.values()
            ],
            created_at=self._clock.now(),
        )


def _as_event(error: CadenceError, request_id: str) -> RunError:
    retryable = error.retryable if isinstance(error, EngineError) else error.kind in PASSING
    return RunError(
        code=error.code, message=error.message, retryable=retryable, request_id=request_id
    )
