"""A hundred reloads while fifty streams run: none of them notices, and nothing is left behind."""

import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from cadence.config.settings import IsolationChoice, PluginSettings
from cadence.entrypoints.serving import set_up_logging
from cadence.pool.pool import Pool
from tests.fakes.model_server import ModelServer
from tests.fixtures.clients import Client, create_organization, log_in, open_http
from tests.fixtures.service import SYS_ADMIN, ServerThread, create_sys_admin, settings_for
from tests.integration.reload_scene import PAUSE, STORY, Scene, compose, generations_of
from tests.integration.reload_stories import Streamed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RELOADS, STREAMS = 100, 50
# One in ten changes is another key, which is a reload of every orchestrator; one in five is a
# plugin's setting.
KEY_EVERY, PLUGIN_EVERY = 10, 5
# Seconds from the end of a runtime's last turn until it is closed.
GONE_WITHIN = 5.0
BETWEEN, APART = 0.05, 0.05


class WatchedServer(ServerThread):
    """A server whose pool the test looks at while it serves."""

    @property
    def pool(self) -> Pool:
        """The pool; its figures may be read from any thread."""
        app = cast("FastAPI", self._server.config.app)
        return cast("Pool", app.state.resources.pool)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WatchedServer]:
    # The plugin writes down when it is closed, which only the weakest hosts let it do.
    plugin = PluginSettings(isolation=IsolationChoice.PROCESS, call_timeout=10.0)
    settings = settings_for(tmp_path / "stores").model_copy(update={"plugin": plugin})
    set_up_logging(settings)
    asyncio.run(create_sys_admin(settings))
    server = WatchedServer(settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def http(server: WatchedServer) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(f"http://127.0.0.1:{server.settings.api.port}") as client:
        yield client


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Where a plugin that is closed leaves a file, by its own name, that says when."""
    folder = tmp_path / "closed"
    folder.mkdir()
    return folder


@pytest.fixture
async def scene(
    server: WatchedServer, http: httpx.AsyncClient, model: ModelServer, *, closed: Path
) -> Scene:
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
    organization = await create_organization(http, sys_admin)
    return await compose(organization, model, server.pool, folder=closed)


async def test_100_reloads_leave_50_streams_alone(scene: Scene, closed: Path) -> None:
    pool, before = scene.pool, scene.pool.stats()
    is_over = asyncio.Event()
    most_draining = 0
    async with asyncio.TaskGroup() as tasks:
        for number in range(STREAMS):
            tasks.create_task(keep_streaming(scene, number, is_over))
            # Else all of them would begin and end at the same moments, again and again.
            await asyncio.sleep(APART)
        while scene.under_way < STREAMS:  # noqa: ASYNC110  # counted, not told
            await asyncio.sleep(BETWEEN)
        began = time.monotonic()
        for number in range(1, RELOADS + 1):
            await change_something(scene, number)
            most_draining = max(most_draining, pool.stats().draining)
            assert scene.under_way == STREAMS, "they go on meanwhile"
            await asyncio.sleep(BETWEEN)
        changing, builds = time.monotonic() - began, pool.stats().builds
        is_over.set()
    await until_none_drains(pool)
    # Else orchestrators that had one plugin among them have one each.
    await scene.reset_plugins()
    await until_none_drains(pool)
    after = pool.stats()

    assert builds - before.builds >= RELOADS
    assert after.build_failures == after.evictions == 0
    assert (after.hot, after.warm, after.draining) == (before.hot, before.warm, 0)
    assert after.shared == before.shared
    for streamed in scene.streamed:
        check_whole(streamed)
    crossed, calls = check_one_runtime_each(scene)
    assert crossed > STREAMS // 2, "else nothing would be shown"
    waits = waits_until_closed(scene, closed)
    assert waits
    assert max(waits) < GONE_WITHIN
    sys.stdout.write(
        f"\n{RELOADS} changes in {changing:.1f} s, {builds - before.builds} builds in p50 "
        f"{after.build_ms_p50} ms, p95 {after.build_ms_p95} ms; {STREAMS} streams at a time, "
        f"{len(scene.streamed)} in all with {calls} calls of the model, {crossed} of them with a "
        f"change meanwhile; {most_draining} runtimes draining at most; of {len(waits)} that could "
        f"be told apart the last was closed {max(waits) * 1000:.0f} ms after its last turn; "
        f"shared {after.shared}\n"
    )


async def keep_streaming(scene: Scene, number: int, is_over: asyncio.Event) -> None:
    while not is_over.is_set():
        await scene.stream(scene.bots[number % len(scene.bots)])
        number += 1


async def change_something(scene: Scene, number: int) -> None:
    bot = scene.bots[number * 7 % len(scene.bots)]
    if number % KEY_EVERY == 0:
        await scene.rotate_key(number)
    elif number % PLUGIN_EVERY == 0:
        await scene.change_plugin(bot, number)
    else:
        await scene.change_config(bot, number)


async def until_none_drains(pool: Pool) -> None:
    async with asyncio.timeout(GONE_WITHIN):
        while pool.stats().draining:  # noqa: ASYNC110  # counted, not told
            await asyncio.sleep(BETWEEN)


def check_whole(streamed: Streamed) -> None:
    assert streamed.outcome == "completed", streamed.events[-3:]
    assert [event.id for event in streamed.events] == list(range(1, len(streamed.events) + 1))
    assert streamed.answer == STORY
    found = Counter(streamed.balance)
    assert found["agent_start"] == found["agent_end"] > 0
    assert found["tool_start"] == found["tool_end"] == 1
    assert (found["metadata"], found["error"]) == (2, 0)


def check_one_runtime_each(scene: Scene) -> tuple[int, int]:
    """Check what each stream ran on; return how many had a change meanwhile, and all calls."""
    crossed, calls_of_streams = 0, scene.calls_of_streams()
    for streamed in scene.streamed:
        bot, calls = streamed.bot, calls_of_streams[streamed.number]
        began, asked = streamed.sent, calls[0].socket.asked_at
        (generation,) = generations_of(calls)
        assert generation in bot.generations.in_force(began, asked)
        (key,) = {call.api_key for call in calls}
        assert key in scene.keys.in_force(began, asked)
        assert streamed.greeting[0] in bot.words.in_force(began, asked)
        last = calls[-1].socket.asked_at
        stories = (bot.generations, bot.words, scene.keys)
        crossed += any(story.changes_between(asked, last) for story in stories)
    return crossed, sum(map(len, calls_of_streams.values()))


def waits_until_closed(scene: Scene, closed: Path) -> list[float]:
    """Check that no runtime that can be told apart was closed in use, and all that had to go were.

    Return how long each was there after its last turn, or after it was replaced if that was later.
    """
    calls_of_streams, used = scene.calls_of_streams(), defaultdict[str, list[Streamed]](list)
    for streamed in scene.streamed:
        if streamed.bot.is_alone:
            used[streamed.greeting[1]].append(streamed)
    waits = []
    for name, turns in used.items():
        calls = [call for turn in turns for call in calls_of_streams[turn.number]]
        answered = max(call.socket.answered_at or 0.0 for call in calls)
        bot, word, call = turns[0].bot, turns[0].greeting[0], calls[-1]
        replaced = min(
            bot.generations.replaced_at(call.max_tokens),
            bot.words.replaced_at(word),
            scene.keys.replaced_at(call.api_key),
        )
        file = closed / name
        assert file.exists() == (replaced < float("inf"))
        if file.exists():
            closed_at = float(file.read_text())
            # The model notes its last byte a little later than it may have been read.
            assert closed_at > answered - PAUSE, "it was closed under its user"
            waits.append(closed_at - max(answered, replaced))
    return waits
