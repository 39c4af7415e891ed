"""Starts turns, and waits for their end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from dataclasses import dataclass

from structlog.contextvars import bind_contextvars, bound_contextvars

from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.conversations.driving import TurnDriver
from cadence.domains.conversations.errors import RunBroke
from cadence.domains.conversations.finished import FinishedTurn
from cadence.domains.conversations.own_runs import Batches, OwnRuns
from cadence.domains.conversations.owner import owner_of
from cadence.domains.conversations.planning import PlannedTurn, TurnPlanner
from cadence.domains.conversations.repeating import RepeatedRequests
from cadence.domains.conversations.schemas import OnDisconnect, TurnRequest
from cadence.infra.away import Store, StoreUnavailable, find_store_away
from cadence.kernel.clock import Clock
from cadence.kernel.ids import ConversationId, OrchestratorId, RunId, new_ulid, new_uuid
from cadence.kernel.own_task import own_task
from cadence.runs.opening import Runs
from cadence.runs.record import RunRecord
from cadence.runs.registry import RunScope
from cadence.runs.slots import Place
from cadence.runs.writing import RunWriter

OpenPlanner = Callable[[], AbstractAsyncContextManager[TurnPlanner]]
Finished = asyncio.Future[FinishedTurn]
OnLost = Callable[[], Awaitable[None]]
# Returns when the client is gone.
Lost = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedTurn:
    """A turn under way; `finished` is done when its final event has been written.

    It is None when this request has only found the run of an earlier one. `on_lost` is what the
    client wants to happen when it goes away before the end.
    """

    run_id: RunId
    conversation_id: ConversationId
    finished: Finished | None
    on_lost: OnLost | None


@dataclass(slots=True)
class _Attempt:
    """Whether the message may be stored, though starting its turn has failed.

    Only `RunRescuer` can find out, so that neither run nor key may begin anew.
    """

    is_perhaps_stored: bool = False


class TurnService:
    """One caller's turns; `open_planner` gives a planner in a transaction of its own."""

    def __init__(
        self,
        *,
        scope: OrganizationScope,
        open_planner: OpenPlanner,
        driver: TurnDriver,
        repeats: RepeatedRequests,
        runs: Runs,
        own: OwnRuns,
        clock: Clock,
    ) -> None:
        self._scope = scope
        self._owner = str(owner_of(scope))
        self._open_planner = open_planner
        self._driver = driver
        self._repeats = repeats
        self._runs = runs
        self._own = own
        self._clock = clock

    async def start(
        self, asked: TurnRequest, *, key: str | None, reader: Place | None = None
    ) -> StartedTurn:
        """Store the message and start the run, or find the run that `key` has started before.

        Without a key, the place of its `reader` is taken together with what the run needs.

        Nothing is left of a turn that raises, but for one whose message may be stored: `RunRescuer`
        ends it or forgets it, and until then its key leads to it.
        """
        bind_contextvars(instance_id=str(asked.instance_id))
        self._runs.registry.require_open()
        run_id = RunId(new_ulid())
        attempt = _Attempt()
        if key is None:
            return await self._start(asked, run_id, attempt, reader=reader)
        earlier = await self._repeats.claim(key, asked, run_id)
        if earlier is not None:
            return self._started(earlier.record, asked, finished=None)
        try:
            return await self._start(asked, run_id, attempt)
        except BaseException:
            if not attempt.is_perhaps_stored:
                await self._repeats.give_back(key, asked, run_id)
            raise

    async def stream(self, asked: TurnRequest, *, key: str | None) -> tuple[StartedTurn, Batches]:
        """Start a turn as `start` does, and return all of its events.

        A reader for whom there is no room is told so before anything is started.
        """
        async with AsyncExitStack() as place:
            reader = None
            if key is None:
                reader = await place.enter_async_context(self._own.expecting())
            else:
                await place.enter_async_context(self._own.reading())
            started = await self.start(asked, key=key, reader=reader)
            return started, await self._own.read(started.run_id, place.pop_all())

    async def finish(self, started: StartedTurn, lost: Lost) -> FinishedTurn:
        """Wait for the end; raises what ended the turn when it is not an answer."""
        on_lost = started.on_lost
        if on_lost is None:
            finished = await self._finish(started)
        else:
            async with own_task(_follow(lost, on_lost)):
                finished = await self._finish(started)
        if finished.error is not None:
            raise finished.error
        return finished

    async def _start(
        self,
        asked: TurnRequest,
        run_id: RunId,
        attempt: _Attempt,
        *,
        reader: Place | None = None,
    ) -> StartedTurn:
        record = self._record(asked, run_id)
        place = self._runs.slots.place_of_run(
            run_id,
            organization_id=self._scope.organization_id,
            owner=self._owner,
            is_person=self._scope.user_id is not None,
            rates=self._scope.rates,
        )
        async with self._runs.beginning.taking(record, run=place, reader=reader) as writer:
            return await self._launch(asked, writer, attempt)

    async def _launch(
        self, asked: TurnRequest, writer: RunWriter, attempt: _Attempt
    ) -> StartedTurn:
        record = writer.record
        loop = asyncio.get_running_loop()
        finished: Finished = loop.create_future()
        planned: asyncio.Future[PlannedTurn] = loop.create_future()
        try:
            # Before the message is stored: from then on the registry sees to it that the run ends.
            self._runs.registry.start(
                record.run_id,
                lambda scope: self._run(planned, writer, scope=scope, finished=finished),
            )
            async with self._open_planner() as planner:
                turn = await planner.plan(asked, record)
                attempt.is_perhaps_stored = True
            planned.set_result(turn)
        except BaseException as failure:
            planned.cancel()
            attempt.is_perhaps_stored |= _may_have_stored(failure)
            if attempt.is_perhaps_stored:
                self._runs.log.leave(writer)
            else:
                await self._runs.log.discard(writer)
            raise
        return self._started(record, asked, finished=finished)

    def _record(self, asked: TurnRequest, run_id: RunId) -> RunRecord:
        # Nobody has looked yet whose conversation it is: each owner has a lock of their own for it.
        return RunRecord(
            run_id=run_id,
            organization_id=self._scope.organization_id,
            owner=self._owner,
            conversation_id=ConversationId(asked.conversation_id or new_uuid()),
            orchestrator_id=OrchestratorId(asked.instance_id),
            request_id=self._scope.principal.origin.request_id,
            started_at=self._clock.now(),
        )

    def _started(
        self, record: RunRecord, asked: TurnRequest, *, finished: Finished | None
    ) -> StartedTurn:
        async def cancel() -> None:
            await self._runs.orders.cancel(record.organization_id, record.run_id)

        return StartedTurn(
            run_id=record.run_id,
            conversation_id=record.conversation_id,
            finished=finished,
            on_lost=cancel if asked.on_disconnect is OnDisconnect.CANCEL else None,
        )

    async def _run(
        self,
        planned: asyncio.Future[PlannedTurn],
        writer: RunWriter,
        *,
        scope: RunScope,
        finished: Finished,
    ) -> None:
        # Cancelled when its turn never begins, and this task with it.
        turn = await planned
        try:
            with _telling(turn.record):
                finished.set_result(await self._driver.drive(turn, writer, scope))
        except Exception as failure:
            finished.set_exception(find_store_away(failure) or RunBroke())
            raise
        finally:
            if not finished.done():
                finished.set_exception(RunBroke())
            finished.exception()  # read here, since perhaps nobody waits for it
            await self._leave_place(turn.record.run_id)

    async def _leave_place(self, run_id: RunId) -> None:
        await self._runs.slots.release_run(
            run_id, organization_id=self._scope.organization_id, owner=self._owner
        )

    async def _finish(self, started: StartedTurn) -> FinishedTurn:
        if started.finished is not None:
            return await asyncio.shield(started.finished)
        return await self._own.replay(started.run_id)


def _telling(record: RunRecord) -> AbstractContextManager[object]:
    """Say in every line of the log which run it is about."""
    return bound_contextvars(
        request_id=record.request_id,
        organization_id=str(record.organization_id),
        instance_id=str(record.orchestrator_id),
        run_id=record.run_id,
    )


def _may_have_stored(failure: BaseException) -> bool:
    """Whether a plan that failed like this may have left the message where nothing rolls back."""
    if isinstance(failure, StoreUnavailable):
        return failure.store is Store.TRANSCRIPTS
    return isinstance(failure, asyncio.CancelledError)


async def _follow(lost: Lost, on_lost: OnLost) -> None:
    await lost()
    await on_lost()
