"""How a turn runs in its own task and tells what happens."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from cadence.engine.errors import EngineError, ModelTimeout, RunTimeout
from cadence.engine.events import AgentEnded, AgentStarted, MessageDelta
from cadence.engine.turn_events import TurnEvents
from cadence.engine.turn_stream import PlayTurn, stream_turn
from cadence.kernel.own_task import end, own_task

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
PATIENCE = 0.05


class NoonClock:
    def now(self) -> datetime:
        return NOON


CLOCK = NoonClock()


async def told_by(play: PlayTurn, *, seconds: float) -> tuple[list[str], Exception | None]:
    """Return the names of a turn's events, and what it raised."""
    told: list[str] = []
    try:
        async for event in stream_turn(play, clock=CLOCK, seconds=seconds):
            told.append(event.name)  # noqa: PERF401  # what came before an error must be kept
    except EngineError as error:
        return told, error
    return told, None


async def test_events_come_in_the_order_in_which_they_happen() -> None:
    async def play(events: TurnEvents) -> None:
        with events.acting("one"):
            await events.say("hello", agent="one")

    told = [event async for event in stream_turn(play, clock=CLOCK, seconds=5)]

    at = NOON.timestamp()
    assert told == [
        AgentStarted(agent="one", timestamp=at),
        MessageDelta(content="hello", agent="one"),
        AgentEnded(agent="one", timestamp=at),
    ]


async def test_an_agent_that_fails_has_ended_before_the_failure_is_raised() -> None:
    async def play(events: TurnEvents) -> None:
        with events.acting("one"):
            raise ModelTimeout

    told, error = await told_by(play, seconds=5)

    assert told == ["agent_start", "agent_end"]
    assert isinstance(error, ModelTimeout)


async def test_a_turn_that_takes_too_long_is_ended() -> None:
    async def play(events: TurnEvents) -> None:
        with events.acting("one"):
            await asyncio.Event().wait()

    told, error = await told_by(play, seconds=0.02)

    assert told == ["agent_start", "agent_end"]
    assert isinstance(error, RunTimeout)


async def test_a_timeout_of_something_else_is_not_taken_for_the_turns() -> None:
    async def play(_: TurnEvents) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        _ = [event async for event in stream_turn(play, clock=CLOCK, seconds=5)]


async def test_whoever_writes_waits_for_whoever_reads() -> None:
    events = TurnEvents(CLOCK, unread=3)
    said = 0

    async def speak() -> None:
        nonlocal said
        for _ in range(10):
            await events.say("word", agent="one")
            said += 1
        events.finish()

    async with own_task(speak()):
        await asyncio.sleep(0.01)
        assert said == 3
        async with aclosing(events.until_finished()) as read:
            await anext(read)
            await asyncio.sleep(0.01)
            assert said == 4
            assert len([event async for event in read]) == 9


async def test_leaving_the_stream_ends_the_turn_even_while_it_waits_for_room() -> None:
    ended = asyncio.Event()

    async def play(events: TurnEvents) -> None:
        try:
            while True:
                await events.say("word", agent="one")
        finally:
            ended.set()

    async with aclosing(stream_turn(play, clock=CLOCK, seconds=5)) as stream:
        await anext(stream)
        await asyncio.sleep(0.01)

    assert ended.is_set()


async def test_a_task_is_over_when_its_block_is_left_by_an_error() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fail_beside_it() -> None:
        async with own_task(work()):
            await asyncio.sleep(0)
            raise LookupError

    with pytest.raises(LookupError):
        await fail_beside_it()

    assert ended.is_set()


async def test_who_waits_for_an_end_waits_on_when_cancelled_again() -> None:
    may_end = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    task = asyncio.ensure_future(slow_to_end())
    await asyncio.sleep(0)
    ending = asyncio.ensure_future(end(task))
    await asyncio.sleep(0.01)
    ending.cancel()
    await asyncio.sleep(0.01)
    assert not ending.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await ending

    assert task.cancelled()


async def test_a_task_that_will_not_end_is_left_alone_after_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    may_end = asyncio.Event()

    async def stubborn() -> None:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                continue
        raise LookupError

    task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)

    await end(task, patience=PATIENCE)

    assert "did not end" in caplog.text
    may_end.set()
    await asyncio.wait({task})
