"""What a running turn tells: every backend's agents and tools speak through this, and only this."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from cadence.engine.events import (
    AgentEnded,
    AgentStarted,
    MessageDelta,
    RuntimeEvent,
    ToolEnded,
    ToolStarted,
)
from cadence.engine.limits import UNREAD_DELTAS
from cadence.kernel.clock import Clock


class TurnEvents:
    """The events of one turn on their way from the run to its one reader.

    What starts and ends is told at once, its number is bounded by hops and calls; a piece of the
    answer waits for room, so a slow reader slows the model down and nothing piles up.
    """

    def __init__(self, clock: Clock, *, unread: int = UNREAD_DELTAS) -> None:
        self._clock = clock
        self._room = asyncio.Semaphore(unread)
        self._events: asyncio.Queue[RuntimeEvent | None] = asyncio.Queue()

    @contextmanager
    def acting(self, agent: str) -> Iterator[None]:
        """Tell that an agent acts while the block runs, and that it has ended however it ends."""
        self._tell(AgentStarted(agent=agent, timestamp=self._now()))
        try:
            yield
        finally:
            self._tell(AgentEnded(agent=agent, timestamp=self._now()))

    def tool_event(self, event: ToolStarted | ToolEnded) -> None:
        """Tell of a tool call."""
        self._tell(event)

    async def say(self, content: str, *, agent: str) -> None:
        """Tell a piece of the answer; waits while too many are unread."""
        await self._room.acquire()
        self._tell(MessageDelta(content=content, agent=agent))

    def finish(self) -> None:
        """Let the reader go once it has read everything."""
        self._events.put_nowait(None)

    async def until_finished(self) -> AsyncGenerator[RuntimeEvent, None]:
        """Read the events, in the order in which they happened."""
        while (event := await self._events.get()) is not None:
            if isinstance(event, MessageDelta):
                self._room.release()
            yield event

    def _tell(self, event: RuntimeEvent) -> None:
        self._events.put_nowait(event)

    def _now(self) -> float:
        return self._clock.now().timestamp()
