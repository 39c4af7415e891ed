"""Reads and cancels one caller's runs, whichever process drives them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.conversations.errors import RunNotRunning
from cadence.domains.conversations.finished import FinishedTurn
from cadence.domains.conversations.owner import owner_of
from cadence.domains.conversations.replaying import Replay
from cadence.kernel.ids import RunId
from cadence.runs.errors import RunInterrupted
from cadence.runs.logged import LoggedEvent
from cadence.runs.opening import Runs
from cadence.runs.slots import Place

Batches = AsyncGenerator[Sequence[LoggedEvent], None]


class OwnRuns:
    """The runs of one user, or of one service key, in one organization."""

    def __init__(self, *, scope: OrganizationScope, runs: Runs) -> None:
        self._scope = scope
        self._organization_id = scope.organization_id
        self._owner = str(owner_of(scope))
        self._runs = runs

    def reading(self) -> AbstractAsyncContextManager[None]:
        """Hold the place of one reader; raises `TooManyStreams` or `NodeFull`."""
        return self._runs.slots.reading(
            organization_id=self._organization_id,
            owner=self._owner,
            is_person=self._scope.user_id is not None,
            rates=self._scope.rates,
        )

    def expecting(self) -> AbstractAsyncContextManager[Place]:
        """Yield the place of one reader, for whoever takes it with a run's; raises `NodeFull`."""
        return self._runs.slots.expecting(
            organization_id=self._organization_id,
            owner=self._owner,
            is_person=self._scope.user_id is not None,
            rates=self._scope.rates,
        )

    async def events(self, run_id: RunId, *, after: int) -> Batches:
        """Return a run's events after the given id; raises `RunNotFound` and as `reading` does."""
        await self._runs.log.find(self._organization_id, run_id, owner=self._owner)
        async with AsyncExitStack() as place:
            await place.enter_async_context(self.reading())
            return await self.read(run_id, place.pop_all(), after=after)

    async def read(self, run_id: RunId, place: AsyncExitStack, *, after: int = 0) -> Batches:
        """Return the same for a reader who has a place, which is given back at the end."""
        batches = self._batches(run_id, place, after=after)
        # A generator that never began would never come to its end, and keep its place.
        await anext(batches)
        return batches

    async def replay(self, run_id: RunId) -> FinishedTurn:
        """Wait for the end of a run and return what its events say."""
        replay = Replay()
        async with self.reading():
            async for batch in self._runs.log.read(self._organization_id, run_id):
                for event in batch:
                    replay.note(event)
        if replay.finished is None:  # it has never begun, or expired meanwhile
            raise RunInterrupted
        return replay.finished

    async def cancel(self, run_id: RunId) -> None:
        """Stop a run's model and tool calls; raises `RunNotFound` or `RunNotRunning`."""
        state = await self._runs.log.find(self._organization_id, run_id, owner=self._owner)
        if state.is_ended or not await self._runs.orders.cancel(self._organization_id, run_id):
            raise RunNotRunning

    async def _batches(self, run_id: RunId, place: AsyncExitStack, *, after: int) -> Batches:
        async with place:
            yield ()
            async for batch in self._runs.log.read(self._organization_id, run_id, after=after):
                yield batch
