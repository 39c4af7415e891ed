"""Takes events out of the outbox to the broker: none before its commit, none lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog
from pydantic import TypeAdapter
from sqlalchemy import select

from cadence.infra.away import StoreUnavailable
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import OutboxEvent
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.events.envelopes import Envelope
from cadence.infra.events.messages import Listener, OrchestratorEvent
from cadence.kernel.ids import new_uuid

log = structlog.get_logger(__name__)

BATCH = 50
# What a process that died has left behind is found by the others within this many seconds.
LOOK_EVERY = 2.0
# Seconds that a relay has to finish what it is about when its process ends.
LEAVE_SECONDS = 1.0

_EVENT = TypeAdapter(OrchestratorEvent)


def outbox_row(event: OrchestratorEvent, *, now: datetime) -> OutboxEvent:
    """Return the row that has an event told once it is committed."""
    owner = event.organization_id
    return OutboxEvent(
        id=new_uuid(),
        organization_id=None if owner is None else UUID(owner),
        event=asdict(event),
        created_at=now,
    )


class Broker(Protocol):
    """Where events go."""

    async def publish(self, envelope: Envelope) -> None:
        """Return when the event is safe with the broker; raises `BrokerAway` when it is not."""
        ...


class Events(Broker, Protocol):
    """What carries events, and brings them."""

    @property
    def is_connected(self) -> bool:
        """Whether events travel at the moment; they wait where they are while they do not."""
        ...

    def listening(
        self, listener: Listener, *, caught_up: Callable[[], Awaitable[None]]
    ) -> AbstractAsyncContextManager[None]:
        """Deliver events until the block ends; `caught_up` is called after each connection."""
        ...


class BrokerAway(Exception):
    """The broker did not confirm an event, which stays in the outbox."""


class OutboxRelay:
    """One task of each process; several may run at once, each takes rows that no other holds."""

    def __init__(self, sessions: Sessions, broker: Broker) -> None:
        self._sessions = sessions
        self._broker = broker
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that something has been committed, or that the broker is back."""
        self._woken.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Relay until the block ends; what is left then is relayed by whoever starts next."""
        # A broker's client may swallow a cancellation that comes just when it is answered.
        leaving = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            relaying = tasks.create_task(self._relay(leaving))
            try:
                yield
            finally:
                leaving.set()
                self.wake()
                # A statement that is cut off has its driver tell so with a traceback.
                await asyncio.wait([relaying], timeout=LEAVE_SECONDS)
                relaying.cancel()

    async def _relay(self, leaving: asyncio.Event) -> None:
        while not leaving.is_set():
            self._woken.clear()
            try:
                while await self.send_some() == BATCH and not leaving.is_set():
                    pass
            except (BrokerAway, StoreUnavailable):
                log.debug("outbox_waits")
            except Exception:  # the outermost loop: the store being away must not end it
                log.exception("outbox_failed")
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def send_some(self) -> int:
        """Publish the oldest rows and remove them; raises `BrokerAway` after those that went."""
        if not await self._has_any():
            return 0
        async with transaction(self._sessions, PLATFORM) as session:
            query = select(OutboxEvent).order_by(OutboxEvent.id).limit(BATCH)
            rows = (await session.scalars(query.with_for_update(skip_locked=True))).all()
            sent = 0
            for row in rows:
                envelope = Envelope(
                    id=str(row.id), at=row.created_at, event=_EVENT.validate_python(row.event)
                )
                try:
                    await self._broker.publish(envelope)
                except BrokerAway:
                    break
                await session.delete(row)
                sent += 1
        if sent < len(rows):
            raise BrokerAway
        return sent

    async def _has_any(self) -> bool:
        # Most of the time there is nothing, which is no reason to take SQLite's write lock.
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return await session.scalar(select(OutboxEvent.id).limit(1)) is not None
