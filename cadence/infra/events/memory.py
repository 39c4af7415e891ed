"""Events within one process: published after commit, delivered in order by one task."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from cadence.infra.events.envelopes import Envelope
from cadence.infra.events.messages import Listener, OrchestratorEvent

log = structlog.get_logger(__name__)


class MemoryEvents:
    """The `memory://` broker."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[OrchestratorEvent] = asyncio.Queue()

    @property
    def is_connected(self) -> bool:
        """Always: there is nothing in between."""
        return True

    async def publish(self, envelope: Envelope) -> None:
        """Hand an event to this process's listener."""
        self._queue.put_nowait(envelope.event)

    @asynccontextmanager
    async def listening(
        self, listener: Listener, *, caught_up: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Deliver events to `listener` until the block ends; `caught_up` is called once."""
        await caught_up()
        async with asyncio.TaskGroup() as tasks:
            delivering = tasks.create_task(self._deliver(listener))
            try:
                yield
            finally:
                delivering.cancel()

    async def _deliver(self, listener: Listener) -> None:
        while True:
            event = await self._queue.get()
            try:
                await listener(event)
            except Exception:  # the outermost loop of a consumer: one bad event must not end it
                log.exception("event_failed", action=event.action, instance=event.orchestrator_id)
