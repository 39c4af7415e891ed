"""Hosts that hang, crash or are killed: who called is told, and the next call works."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.isolation import IsolationLevel
from tests.fixtures.plugin_hosts import (
    PATIENCE,
    WHO,
    WHO_TOOLS,
    HostScene,
    end_at_once,
    host_pids,
    level,
    open_scene,
    plugin_source,
    until_ended,
    zygote_pid,
)

__all__ = ["level"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Seconds.
CALL_TIMEOUT = 1.0
SETTINGS = {"word": "kept"}
TOP = (
    WHO
    + '''
import ctypes, socket, sys


@uvtool
def hang() -> str:
    """Never come back."""
    time.sleep(3600)


@uvtool
async def hang_politely() -> str:
    """Never come back, unless it is cancelled."""
    await asyncio.sleep(3600)


@uvtool
async def hang_on() -> str:
    """Never come back, and hear of no cancellation."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass


@uvtool
async def block() -> str:
    """Never come back, and let nothing else run."""
    time.sleep(3600)


@uvtool
def die(how: str) -> str:
    """End the process."""
    {"exit": lambda: os._exit(0), "segfault": lambda: ctypes.string_at(0), "abort": os.abort,
     "hang up": lambda: os.close(3), "half": lambda: socket.socket(fileno=3).shutdown(1),
    }[how]()
    time.sleep(3600)


@uvtool
def leave() -> str:
    """Leave the thread."""
    sys.exit(1)
'''
)
TOOLS = f"{WHO_TOOLS}, hang, hang_politely, hang_on, block, die, leave"
SOURCE = plugin_source(top=TOP, tools=TOOLS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    level: IsolationLevel, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HostScene]:
    folder = tmp_path_factory.mktemp("plugins")
    async with open_scene(folder, level, call_timeout=CALL_TIMEOUT) as opened:
        yield opened


async def _read(plugin: HostedPlugin, tool: str, **arguments: Any) -> Any:
    read, _ = await plugin.call(tool, arguments)
    return read


@pytest.mark.parametrize("tool", ["hang", "hang_politely", "hang_on", "block"])
async def test_a_call_that_hangs_is_ended_at_its_time_and_the_next_one_works(
    tool: str, scene: HostScene
) -> None:
    async with scene.opened(SOURCE, settings=SETTINGS) as plugin:
        pid = await _read(plugin, "pid")

        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ToolUnavailable, match="did not answer"):
                _ = await plugin.call(tool, {})

        assert await _read(plugin, "word") == "kept"
        assert await _read(plugin, "pid") != pid


@pytest.mark.parametrize("tool", ["hang", "hang_on", "block"])
async def test_a_call_that_hangs_is_ended_also_when_its_caller_has_gone(
    tool: str, scene: HostScene
) -> None:
    to_open = scene.plugin(SOURCE, settings=SETTINGS)
    plugin = await scene.hosts.open(to_open)
    pid = await _read(plugin, "pid")
    host = scene.hosts.process_of(to_open)
    assert host is not None
    for _ in range(4):
        with pytest.raises(TimeoutError):
            _ = await asyncio.wait_for(plugin.call(tool, {}), 0.1)

    async with asyncio.timeout(PATIENCE):
        await host.over()

    assert await _read(plugin, "word") == "kept"
    assert await _read(plugin, "pid") != pid
    await plugin.close()


async def test_a_cancelled_async_call_makes_room_at_once(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        pid = await _read(plugin, "pid")
        for _ in range(8):
            with pytest.raises(TimeoutError):
                _ = await asyncio.wait_for(plugin.call("hang_politely", {}), 0.02)

        await asyncio.sleep(CALL_TIMEOUT + 0.5)

        assert await _read(plugin, "pid") == pid


@pytest.mark.parametrize("tool", ["pid", "hang_politely"])
async def test_a_call_that_is_cancelled_in_the_moment_it_begins_costs_no_place(
    tool: str, scene: HostScene
) -> None:
    async with scene.opened(SOURCE) as plugin:
        pid = await _read(plugin, "pid")
        for _ in range(20):
            call = asyncio.ensure_future(plugin.call(tool, {}))
            await asyncio.sleep(0)
            _ = call.cancel()
            _ = await asyncio.wait({call})

        await asyncio.sleep(CALL_TIMEOUT + 0.5)

        assert await asyncio.gather(*(_read(plugin, "pid") for _ in range(8))) == [pid] * 8


@pytest.mark.parametrize("how", ["exit", "segfault", "abort", "hang up", "half"])
async def test_a_crash_is_told_and_the_next_call_finds_a_new_process_with_the_same_settings(
    how: str, scene: HostScene
) -> None:
    async with scene.opened(SOURCE, settings=SETTINGS) as plugin:
        pid = await _read(plugin, "pid")

        with pytest.raises(ToolUnavailable, match="ended"):
            _ = await plugin.call("die", {"how": how})

        assert await _read(plugin, "word") == "kept"
        assert await _read(plugin, "pid") != pid


async def test_a_thread_that_leaves_takes_nothing_with_it(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        pid = await _read(plugin, "pid")

        with pytest.raises(ToolRaised, match="SystemExit"):
            _ = await plugin.call("leave", {})

        assert await _read(plugin, "pid") == pid


async def test_a_crash_is_told_to_all_under_way_and_those_who_wait_never_hear_of_it(
    scene: HostScene,
) -> None:
    async with scene.opened(SOURCE) as plugin:
        pid = await _read(plugin, "pid")
        three = [asyncio.ensure_future(plugin.call("hang", {})) for _ in range(3)]
        await asyncio.sleep(0.05)
        crash = asyncio.ensure_future(plugin.call("die", {"how": "exit"}))
        waiting = [asyncio.ensure_future(_read(plugin, "pid")) for _ in range(8)]

        lost = await asyncio.gather(*three, crash, return_exceptions=True)
        found = set(await asyncio.gather(*waiting))

    assert [type(each) for each in lost] == [ToolUnavailable] * 4
    assert len(found) == 1
    assert pid not in found


async def test_callers_of_two_settings_find_one_new_process(scene: HostScene) -> None:
    async with (
        scene.opened(SOURCE, organization="pair", settings={"word": "one"}) as one,
        scene.opened(SOURCE, organization="pair", settings={"word": "two"}) as two,
    ):
        with pytest.raises(ToolUnavailable):
            _ = await one.call("die", {"how": "exit"})

        words = await asyncio.gather(*((one, two)[n % 2].call("word", {}) for n in range(20)))

        assert [read for read, _ in words] == ["one", "two"] * 10
        assert await _read(one, "pid") == await _read(two, "pid")


async def test_a_killed_zygote_takes_its_hosts_along_and_the_next_call_works(
    scene: HostScene,
) -> None:
    async with scene.opened(SOURCE, settings=SETTINGS) as plugin:
        under_way = asyncio.ensure_future(plugin.call("hang_politely", {}))
        await asyncio.sleep(0.1)
        hosts = host_pids(scene.zygotes, of=scene.level)
        assert hosts

        end_at_once(zygote_pid(scene.zygotes, of=scene.level))

        with pytest.raises(ToolUnavailable, match="stopped"):
            _ = await under_way
        assert await _read(plugin, "word") == "kept"
        await until_ended(*hosts)


@pytest.mark.slow
async def test_the_death_of_zygotes_is_nothing_that_a_plugin_is_blamed_for(
    scene: HostScene,
) -> None:
    async with scene.opened(SOURCE, settings=SETTINGS) as plugin:
        for turn in range(6):
            assert await _read(plugin, "word") == "kept"
            under_way = asyncio.ensure_future(plugin.call("hang_politely", {}))
            await asyncio.sleep(0.1)
            of_the_zygote = zygote_pid(scene.zygotes, of=scene.level)
            # What was started and what forks are different processes in namespaces.
            end_at_once(of_the_zygote if turn % 2 else scene.zygotes.process_id or 0)
            with pytest.raises(ToolUnavailable, match="stopped"):
                _ = await under_way

        assert await _read(plugin, "word") == "kept"


async def test_a_stopped_host_is_started_again_at_the_next_call(scene: HostScene) -> None:
    async with scene.opened(SOURCE, settings=SETTINGS) as plugin:
        pid = await _read(plugin, "pid")
        for other in host_pids(scene.zygotes, of=scene.level):
            end_at_once(other)
        # Before the event loop can have heard of it.
        with pytest.raises(ToolUnavailable, match="ended"):
            _ = await plugin.call("pid", {})

        assert await _read(plugin, "pid") != pid


async def test_closing_is_safe_twice_and_no_call_works_after_it(scene: HostScene) -> None:
    plugin = await scene.hosts.open(scene.plugin(SOURCE))

    await plugin.close()
    await plugin.close()

    with pytest.raises(ToolUnavailable, match="closed"):
        _ = await plugin.call("pid", {})


async def test_closing_one_of_two_leaves_the_other_at_work(scene: HostScene) -> None:
    one = await scene.hosts.open(scene.plugin(SOURCE, organization="two", settings=SETTINGS))
    two = await scene.hosts.open(scene.plugin(SOURCE, organization="two"))

    await two.close()

    assert await _read(one, "word") == "kept"
    await one.close()
