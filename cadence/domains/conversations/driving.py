"""Drives one turn from its first event to its last, whatever happens in between."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import assert_never

import structlog

from cadence.domains.conversations.answers import Answer, AnswerPlace, Answers, AnswerStatus
from cadence.domains.conversations.costs import note_of
from cadence.domains.conversations.counting import FiguresOfRun, RunFigures
from cadence.domains.conversations.errors import RunBroke, RunCancelled, RunTooLong
from cadence.domains.conversations.finished import FinishedTurn, as_event
from cadence.domains.conversations.planning import PlannedTurn
from cadence.domains.conversations.remembering import Memory
from cadence.domains.conversations.transcript import Transcript
from cadence.domains.conversations.transcripts import AlreadySaid
from cadence.engine.contract import Turn, UsageMeter
from cadence.engine.events import Outcome, RunClosed, RunOpened, RuntimeEvent
from cadence.infra.away import find_store_away
from cadence.kernel.errors import CadenceError
from cadence.pool.pool import Pool
from cadence.runs.errors import RunInterrupted, RunLogLost, RunTaken
from cadence.runs.registry import RunScope, StopReason
from cadence.runs.slots import StreamSlots
from cadence.runs.tracing import RunTrace, RunTraces
from cadence.runs.writing import RunWriter

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Progress:
    """What a turn has said and cost so far, and who is told of it."""

    writer: RunWriter
    trace: RunTrace
    figures: FiguresOfRun
    transcript: Transcript = field(default_factory=Transcript)
    meter: UsageMeter = field(default_factory=UsageMeter)
    _told_calls: int = 0

    async def note(self, event: RuntimeEvent) -> None:
        """Take in the next event, and tell it."""
        self.transcript.note(event)
        self.trace.note(event)
        self.figures.note(event)
        self.note_usage()
        await self.writer.append(event)

    def note_usage(self) -> None:
        """Have the run's record keep what it has cost, when that has changed."""
        if self._told_calls < self.meter.total.llm_calls:
            self._told_calls = self.meter.total.llm_calls
            self.writer.note_usage(note_of(self.meter))

    def ended(self, outcome: Outcome, error: CadenceError | None) -> FinishedTurn:
        """Return the turn as it has ended."""
        return FinishedTurn(
            outcome=outcome, transcript=self.transcript, usage=self.meter.total, error=error
        )


class TurnDriver:
    """Runs turns; no database connection is held while tokens flow.

    `max_seconds` bounds a turn from the build of its orchestrator to its last word.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        memory: Memory,
        answers: Answers,
        slots: StreamSlots,
        figures: RunFigures,
        traces: RunTraces,
        max_seconds: float,
    ) -> None:
        self._pool = pool
        self._memory = memory
        self._answers = answers
        self._slots = slots
        self._figures = figures
        self._traces = traces
        self._max_seconds = max_seconds

    async def drive(self, turn: PlannedTurn, writer: RunWriter, scope: RunScope) -> FinishedTurn:
        """Answer, store the answer, and only then write the final event.

        A cancelled turn is finished like any other: what it had said is kept.
        """
        started = time.monotonic()
        figures = self._figures.begin()
        trace = self._traces.begin(record=turn.record, message=turn.message)
        said = Progress(writer=writer, trace=trace, figures=figures)
        finished = said.ended(Outcome.FAILED, RunBroke())
        try:
            finished = await self._drive(turn, said, scope)
            await self._close(turn, writer, finished, seconds=time.monotonic() - started)
        finally:
            error = finished.error
            trace.end(finished.outcome, error.code if error else None, said.meter.calls)
            tools = finished.transcript.tools.values()
            figures.end(finished.outcome, finished.usage, tools)
        return finished

    async def _drive(self, turn: PlannedTurn, said: Progress, scope: RunScope) -> FinishedTurn:
        record = turn.record
        await said.writer.append(
            RunOpened(
                run_id=record.run_id,
                conversation_id=str(record.conversation_id),
                instance_id=str(record.orchestrator_id),
            )
        )
        finished = await self._answer(turn, said, scope)
        if isinstance(finished.error, RunTaken):
            return finished
        return await self._keep(turn, said, finished)

    async def _answer(self, turn: PlannedTurn, said: Progress, scope: RunScope) -> FinishedTurn:
        try:
            if await scope.run(partial(self._speak_in_time, turn, said)):
                return said.ended(Outcome.COMPLETED, None)
            return _stopped(said, scope.reason)
        except CadenceError as failure:
            return said.ended(Outcome.FAILED, failure)
        except Exception as failure:  # the outermost loop of a run, which ends in order
            log.exception("turn_broke")
            return said.ended(Outcome.FAILED, find_store_away(failure) or RunBroke())

    async def _speak_in_time(self, turn: PlannedTurn, said: Progress) -> None:
        limit = asyncio.timeout(self._max_seconds)
        try:
            async with limit:
                await self._speak(turn, said)
        except TimeoutError:
            if not limit.expired():
                raise
            raise RunTooLong from None

    async def _speak(self, turn: PlannedTurn, said: Progress) -> None:
        record = turn.record
        lease = self._pool.lease(
            record.organization_id, record.orchestrator_id, build_hash=turn.build_hash
        )
        async with lease as built:
            # Before any model is asked, be it for a summary.
            anchors = (
                built.anchoring.none()
                if turn.resource_id is None
                else await built.anchoring.load(turn.resource_id)
            )
            history = await self._memory.recall(
                turn.past, record, model=built.model, meter=said.meter
            )
            asked = Turn(message=turn.message, history=history, anchors=anchors, meter=said.meter)
            async with aclosing(built.runtime.stream(asked)) as events:
                async for event in events:
                    await said.note(event)

    async def _keep(
        self, turn: PlannedTurn, said: Progress, finished: FinishedTurn
    ) -> FinishedTurn:
        said.note_usage()
        try:
            await self._answers.keep(_answer_of(turn, said, finished))
        except AlreadySaid:
            return replace(finished, outcome=Outcome.FAILED, error=RunTaken())
        except Exception as failure:  # its fault must not leave readers without a final event
            log.exception("answer_not_stored")
            error = find_store_away(failure) or RunBroke()
            return replace(finished, outcome=Outcome.FAILED, error=error)
        return finished

    async def _close(
        self, turn: PlannedTurn, writer: RunWriter, finished: FinishedTurn, *, seconds: float
    ) -> None:
        # Before the final event, after which its reader may ask for the next turn at once.
        record, error = turn.record, finished.error
        await self._slots.release_run(
            record.run_id, organization_id=record.organization_id, owner=record.owner
        )
        try:
            if error is not None and finished.outcome is Outcome.FAILED:
                await writer.append(as_event(error, record.request_id))
            await writer.append(
                RunClosed(
                    outcome=finished.outcome,
                    usage=finished.usage,
                    duration_ms=int(seconds * 1000),
                )
            )
            await writer.settle()
        except (RunTaken, RunLogLost) as failure:
            # The answer is stored, or another process has seen to it; readers find that there.
            log.warning("run_not_closed", code=failure.code)


def _stopped(said: Progress, reason: StopReason | None) -> FinishedTurn:
    match reason:
        case StopReason.CANCELLED:
            return said.ended(Outcome.CANCELLED, RunCancelled())
        case StopReason.SHUTTING_DOWN:
            return said.ended(Outcome.FAILED, RunInterrupted())
        case StopReason.TAKEN:
            return said.ended(Outcome.FAILED, RunTaken())
        case None:  # a plugin's or a framework's own cancellation came through
            return said.ended(Outcome.FAILED, RunBroke())
        case _:
            assert_never(reason)


def _answer_of(turn: PlannedTurn, said: Progress, finished: FinishedTurn) -> Answer:
    record, error = turn.record, finished.error
    was_interrupted = isinstance(error, RunInterrupted)
    return Answer(
        place=AnswerPlace(
            organization_id=record.organization_id,
            conversation_id=record.conversation_id,
            run_id=record.run_id,
            orchestrator_id=record.orchestrator_id,
        ),
        transcript=finished.transcript,
        status=AnswerStatus.INTERRUPTED if was_interrupted else AnswerStatus.of(finished.outcome),
        error_code=error.code if error else None,
        usage=finished.usage,
        calls=said.meter.calls,
    )
