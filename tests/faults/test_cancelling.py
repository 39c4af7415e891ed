"""A run that is cancelled stops costing: its model's socket closes, whatever drives it.

`CANCELS=20 pytest tests/faults/test_cancelling.py -s` shows the times, which must be under 250 ms.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from tests.fakes.model_server import ModelRequest, ModelServer
from tests.fixtures.counting import ALL_KINDS, Asked, CountingScene, open_counting
from tests.fixtures.fleet import Fleet, open_fleet
from tests.fixtures.following import Follower, told
from tests.fixtures.rabbitmq import RabbitServer

# With `--dist loadgroup` one worker starts the processes for all of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cancelling"), pytest.mark.timeout(1800)]

CANCELS = int(os.environ.get("CANCELS", "1"))  # noqa: TID251  # said above
WORDS, PAUSE_MS = 400, 50
# Seconds: whoever hears nothing of an order reads it within three of them.
HANGS_AFTER = 5.0
ANSWERS_WITHIN = 30.0
LOOK_EVERY = 0.002


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: str,
    redis_url: str,
    *,
    rabbit_server: RabbitServer,
) -> Iterator[Fleet]:
    with open_fleet(
        tmp_path_factory.mktemp("fleet"),
        count=2,
        postgres_server=postgres_server,
        redis_url=redis_url,
        broker=rabbit_server,
    ) as fleet:
        yield fleet


@pytest.fixture
async def scene(fleet: Fleet, model: ModelServer) -> AsyncIterator[CountingScene]:
    async with open_counting(fleet, model, kinds=ALL_KINDS) as scene:
        yield scene


Cancel = Callable[[CountingScene, str], Awaitable[float]]


async def test_the_model_is_left_soon_after_every_kind_of_cancellation(
    scene: CountingScene,
) -> None:
    # One scene for all of them, since nine kinds take long to build.
    for name, cancel in WAYS.items():
        seconds = {kind: list[float]() for kind in scene.bots}
        for _ in range(CANCELS):
            for kind, bot_id in scene.bots.items():
                seconds[kind].append(await cancel(scene, bot_id))
        show(name, [each for found in seconds.values() for each in found])
        for kind, found in seconds.items():
            show(f"    {kind}", found)


def show(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    sys.stdout.write(
        f"\n{name}: {len(ordered)} cancelled, the model's socket closed after p50 "
        f"{statistics.median(ordered) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
    )


async def cancel_at(scene: CountingScene, bot_id: str, *, number: int) -> float:
    """Cancel a stream's run at this node; it began at the first one."""
    asked, reader = begin(scene, bot_id)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(reader.read(scene.doors[0]))
        call = await speaking(scene, asked, reader)
        path = f"{{org}}/runs/{reader.run_id}/cancel"
        ordered = time.monotonic()
        answer = await scene.doors[number].member.post(path)
        assert answer.status_code == 202, answer.text
        seconds = await left(call) - ordered
        await reading
    await is_kept(scene, reader)
    return seconds


async def cancel_from_another_node(scene: CountingScene, bot_id: str) -> float:
    return await cancel_at(scene, bot_id, number=1)


async def cancel_from_its_own_node(scene: CountingScene, bot_id: str) -> float:
    return await cancel_at(scene, bot_id, number=0)


async def leave_stream(scene: CountingScene, bot_id: str) -> float:
    asked, reader = begin(scene, bot_id, on_disconnect="cancel")
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(reader.read(scene.doors[0]))
        call = await speaking(scene, asked, reader)
        ordered = time.monotonic()
        reading.cancel()
        seconds = await left(call) - ordered
    await reader.read(scene.doors[1])
    await is_kept(scene, reader)
    return seconds


async def leave_chat(scene: CountingScene, bot_id: str) -> float:
    asked, reader = begin(scene, bot_id, on_disconnect="cancel")
    key = {"Idempotency-Key": reader.key}
    async with asyncio.TaskGroup() as tasks:
        chatting = tasks.create_task(
            scene.doors[0].member.post("{org}/completion/chat", reader.body, headers=key)
        )
        await call_of(scene, asked)
        # The same key leads to the same run.
        reading = tasks.create_task(reader.read(scene.doors[1]))
        call = await speaking(scene, asked, reader)
        ordered = time.monotonic()
        chatting.cancel()
        seconds = await left(call) - ordered
        await reading
    await is_kept(scene, reader)
    again = await scene.doors[1].member.post("{org}/completion/chat", reader.body, headers=key)
    assert again.json()["error"]["code"] == "run_cancelled", again.text
    return seconds


WAYS: dict[str, Cancel] = {
    "cancel call to another node": cancel_from_another_node,
    "cancel call to its own node": cancel_from_its_own_node,
    "stream left with on_disconnect=cancel": leave_stream,
    "chat left with on_disconnect=cancel": leave_chat,
}


def begin(
    scene: CountingScene, bot_id: str, *, words: int = WORDS, **more: str
) -> tuple[Asked, Follower]:
    asked = scene.ask(words=words, pause_ms=PAUSE_MS)
    return asked, Follower(body=scene.body(bot_id, asked, **more), answer=asked.answer)


async def speaking(scene: CountingScene, asked: Asked, reader: Follower) -> ModelRequest:
    """Wait until the answer's first words are read, and return the call that gives it."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while not told(reader.events):  # noqa: ASYNC110  # counted, not told
            await asyncio.sleep(LOOK_EVERY)
    return await call_of(scene, asked)


async def call_of(scene: CountingScene, asked: Asked) -> ModelRequest:
    """Wait until the model is asked for the answer, and return that call."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while asked.number not in scene.counting.answering:  # noqa: ASYNC110  # in another thread
            await asyncio.sleep(LOOK_EVERY)
    return scene.counting.answering[asked.number]


async def left(call: ModelRequest) -> float:
    """Wait until the model's client has gone; return when that was."""
    async with asyncio.timeout(HANGS_AFTER):
        while call.socket.closed_at is None:  # noqa: ASYNC110  # in another thread
            await asyncio.sleep(LOOK_EVERY)
    assert call.socket.answered_at is None
    return call.socket.closed_at


async def is_kept(scene: CountingScene, reader: Follower) -> None:
    """Fail unless the first words and what they cost are kept, and the run is over."""
    assert reader.outcome == "cancelled"
    assert "error" not in {event.name for event in reader.events}
    assert reader.answer.startswith(told(reader.events))
    assert 0 < len(told(reader.events)) < len(reader.answer)
    assert reader.events[-1].fields["usage"]["llm_calls"] > 0
    for door in scene.doors:
        again = await door.member.post(f"{{org}}/runs/{reader.run_id}/cancel")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "run_not_running")
    await reader.check(scene.doors[1], status="cancelled")


async def test_a_client_that_leaves_does_not_end_the_run_unless_it_wants_that(
    scene: CountingScene,
) -> None:
    async with asyncio.TaskGroup() as tasks:
        for bot_id in scene.bots.values():
            tasks.create_task(leave_and_find_whole(scene, bot_id))
            tasks.create_task(leave_and_find_whole(scene, bot_id, on_disconnect="continue"))


async def leave_and_find_whole(scene: CountingScene, bot_id: str, **more: str) -> None:
    asked, reader = begin(scene, bot_id, words=30, **more)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(reader.read(scene.doors[0]))
        await speaking(scene, asked, reader)
        reading.cancel()
    assert not reader.is_over
    await reader.read(scene.doors[1])
    reader.check_whole()
    await reader.check(scene.doors[1], status="completed")
