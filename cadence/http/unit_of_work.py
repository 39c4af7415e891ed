"""One request, one transaction; what must be announced is announced after the commit."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.transaction import transaction
from cadence.infra.events.memory import OrchestratorEvent
from cadence.resources import Resources

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class UnitOfWork:
    """The request's transaction, and the events to publish once it is committed."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.after_commit: list[OrchestratorEvent] = []


def resources_of(request: Request) -> Resources:
    """Return the long-lived parts that the process was started with."""
    resources: Resources = request.app.state.resources
    return resources


async def open_unit_of_work(request: Request) -> AsyncIterator[UnitOfWork]:
    """Commit on success, roll back on error, and only then announce."""
    resources = resources_of(request)
    async with transaction(resources.sessions, read_only=request.method in READING) as session:
        unit = UnitOfWork(session)
        yield unit
    for event in unit.after_commit:
        await resources.events.publish(event)


# `function` scope closes the transaction before the first byte of the answer (TRAPS.md §1): no
# 200 for a commit that failed, and no connection held while a run streams.
Work = Annotated[UnitOfWork, Depends(open_unit_of_work, scope="function")]
Parts = Annotated[Resources, Depends(resources_of)]
