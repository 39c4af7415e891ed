"""One request, one transaction; what must be announced is announced after the commit."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.http.at_once import at_once
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.transaction import aim, open_session
from cadence.infra.events.messages import OrchestratorEvent
from cadence.infra.events.relay import outbox_row
from cadence.kernel.actors import Actor
from cadence.kernel.clock import Clock
from cadence.resources import Resources

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class UnitOfWork:
    """The request's transaction, and the events to publish once it is committed."""

    def __init__(self, session: AsyncSession, held: AsyncExitStack, clock: Clock) -> None:
        self._session = session
        self._held = held
        self._clock = clock
        self.has_announced = False

    def within(self, organization_id: UUID, actor: Actor) -> AsyncSession:
        """Return the session, which reaches this organization's rows and no others."""
        aim(self._session, within(organization_id), actor)
        return self._session

    def platform(self, actor: Actor) -> AsyncSession:
        """Return the session, which reaches every organization's rows."""
        aim(self._session, PLATFORM, actor)
        return self._session

    def announce(self, event: OrchestratorEvent) -> None:
        """Have every process told, if this transaction is committed and not before."""
        self._session.add(outbox_row(event, now=self._clock.now()))
        self.has_announced = True

    async def hold(self, held: AbstractAsyncContextManager[None]) -> None:
        """Enter a context now and leave it after the commit, or after the roll-back."""
        await self._held.enter_async_context(held)


def resources_of(request: Request) -> Resources:
    """Return the long-lived parts that the process was started with."""
    resources: Resources = request.app.state.resources
    return resources


async def open_unit_of_work(request: Request) -> AsyncIterator[UnitOfWork]:
    """Commit on success, roll back on error, and only then announce."""
    resources = resources_of(request)
    read_only = request.method in READING
    async with (
        AsyncExitStack() as held,
        open_session(resources.sessions, read_only=read_only) as session,
    ):
        unit = UnitOfWork(session, held, resources.clock)
        yield unit
    if unit.has_announced:
        resources.relay.wake()


# `function` scope closes the transaction before the first byte of the answer (TRAPS.md §1): no
# 200 for a commit that failed, and no connection held while a run streams.
Work = Annotated[UnitOfWork, Depends(open_unit_of_work, scope="function")]
Parts = Annotated[Resources, Depends(at_once(resources_of))]
