"""Runs one turn in a task of its own, within its time, and hands its events to the reader."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from cadence.engine.errors import RunTimeout
from cadence.engine.events import RuntimeEvent
from cadence.engine.turn_events import TurnEvents
from cadence.kernel.clock import Clock
from cadence.kernel.own_task import own_task

PlayTurn = Callable[[TurnEvents], Awaitable[None]]


async def stream_turn(
    play: PlayTurn, *, clock: Clock, seconds: float
) -> AsyncGenerator[RuntimeEvent, None]:
    """Yield the events of `play` as they happen, then raise what it raised.

    `seconds` bound the whole turn: past them `RunTimeout` is raised. The turn runs in its own task
    because a framework that is iterated directly can leave parts of itself running when its reader
    is cancelled; leaving this generator cancels the task and waits until it is over.
    """
    events = TurnEvents(clock)
    async with own_task(_played(play, events, seconds)) as task:
        async with aclosing(events.until_finished()) as happened:
            async for event in happened:
                yield event
        await task


async def _played(play: PlayTurn, events: TurnEvents, seconds: float) -> None:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await play(events)
    except TimeoutError:
        if not limit.expired():
            raise
        raise RunTimeout from None
    finally:
        events.finish()
