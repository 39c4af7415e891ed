"""Starts turns, and gives access to those under way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.conversations.driving import FinishedTurn, PlannedTurn, TurnDriver
from cadence.domains.conversations.errors import RunBroke, RunNotRunning
from cadence.domains.conversations.owner import owner_of
from cadence.domains.conversations.planning import TurnPlanner
from cadence.domains.conversations.schemas import TurnRequest
from cadence.domains.conversations.turn_lock import TurnLock
from cadence.infra.away import find_store_away
from cadence.kernel.ids import ConversationId, RunId
from cadence.runs.log import LoggedEvent, RunLog, RunWriter
from cadence.runs.registry import RunRegistry, RunScope

OpenPlanner = Callable[[], AbstractAsyncContextManager[TurnPlanner]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedTurn:
    """A turn under way; `finished` is done when its final event has been written."""

    run_id: RunId
    conversation_id: ConversationId
    finished: "asyncio.Future[FinishedTurn]"


class TurnService:
    """One caller's turns; `open_planner` gives a planner in a transaction of its own."""

    def __init__(
        self,
        *,
        scope: OrganizationScope,
        request_id: str,
        open_planner: OpenPlanner,
        driver: TurnDriver,
        lock: TurnLock,
        log: RunLog,
        runs: RunRegistry,
    ) -> None:
        self._scope = scope
        self._request_id = request_id
        self._open_planner = open_planner
        self._driver = driver
        self._lock = lock
        self._log = log
        self._runs = runs

    async def start(self, asked: TurnRequest) -> StartedTurn:
        """Store the message and start the run; it goes on whoever stops listening."""
        self._runs.require_open()
        finished: asyncio.Future[FinishedTurn] = asyncio.get_running_loop().create_future()
        async with self._lock.taking(asked.conversation_id) as taken:
            async with self._open_planner() as planner:
                turn = await planner.plan(asked, taken, request_id=self._request_id)
            writer = await self._log.open(
                turn.organization_id, turn.run_id, owner=str(owner_of(self._scope))
            )
            self._runs.start(
                turn.run_id, lambda scope: self._run(turn, writer, scope=scope, finished=finished)
            )
        return StartedTurn(
            run_id=turn.run_id, conversation_id=turn.conversation_id, finished=finished
        )

    async def finish(self, started: StartedTurn) -> FinishedTurn:
        """Wait for the end; raises what ended the turn when it is not an answer."""
        finished = await asyncio.shield(started.finished)
        if finished.error is not None:
            raise finished.error
        return finished

    async def events(self, run_id: RunId, *, after: int) -> AsyncIterator[LoggedEvent | None]:
        """Return a run's events after the given id; raises `RunNotFound` for a foreign run."""
        organization_id = self._scope.organization_id
        await self._log.require_owner(organization_id, run_id, owner=str(owner_of(self._scope)))
        return self._log.read(organization_id, run_id, after=after)

    async def cancel(self, run_id: RunId) -> None:
        """Stop a run's model and tool calls; raises `RunNotFound` or `RunNotRunning`."""
        await self._log.require_owner(
            self._scope.organization_id, run_id, owner=str(owner_of(self._scope))
        )
        if not self._runs.cancel(run_id):
            raise RunNotRunning

    async def _run(
        self,
        turn: PlannedTurn,
        writer: RunWriter,
        *,
        scope: RunScope,
        finished: "asyncio.Future[FinishedTurn]",
    ) -> None:
        try:
            finished.set_result(await self._driver.drive(turn, writer, scope))
        except Exception as failure:
            finished.set_exception(find_store_away(failure) or RunBroke())
            raise
        finally:
            if not finished.done():
                finished.set_exception(RunBroke())
            finished.exception()  # read here, since perhaps nobody waits for it
