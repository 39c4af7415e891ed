"""Events within one process: published after commit, delivered in order by one task."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

import structlog

log = structlog.get_logger(__name__)


class Action(StrEnum):
    """What a process is asked to do with an orchestrator; the routing keys of PRODUCT.md §7."""

    LOAD = "orchestrator.load"
    RELOAD = "orchestrator.reload"
    UNLOAD = "orchestrator.unload"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorEvent:
    """Which orchestrator, and the configuration that it should have by now."""

    action: Action
    organization_id: str
    orchestrator_id: str
    config_hash: str


Listener = Callable[[OrchestratorEvent], Awaitable[None]]


class MemoryEvents:
    """The `memory://` broker."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[OrchestratorEvent] = asyncio.Queue()

    async def publish(self, event: OrchestratorEvent) -> None:
        """Hand an event to this process's listener."""
        self._queue.put_nowait(event)

    @asynccontextmanager
    async def listening(self, listener: Listener) -> AsyncIterator[None]:
        """Deliver events to `listener` until the block ends."""
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
