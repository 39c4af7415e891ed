"""How many hosts there may be, for how long, and which are left alone."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.errors import PluginHostUnavailable, PluginQuarantined
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.quarantine import WINDOW, Quarantine
from tests.fixtures.plugin_hosts import (
    WHO,
    WHO_TOOLS,
    open_scene,
    plugin_source,
    until_count,
    until_ended,
)

TOP = (
    WHO
    + """
@uvtool
def wait(seconds: float) -> str:
    '''Take a while.'''
    time.sleep(seconds)


@uvtool
def die() -> str:
    '''End the process.'''
    os._exit(1)
"""
)
SOURCE = plugin_source(top=TOP, tools=f"{WHO_TOOLS}, wait, die")
LEVEL = IsolationLevel.PROCESS


def _sources(count: int) -> list[str]:
    return [f"{SOURCE}\n# {number}" for number in range(count)]


async def _pid(plugin: HostedPlugin) -> Any:
    read, _ = await plugin.call("pid", {})
    return read


async def test_a_host_that_nobody_needs_is_ended_and_started_again_for_the_next_call(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path, LEVEL, host_idle=0.2) as scene:
        plugin = await scene.hosts.open(scene.plugin(SOURCE, settings={"word": "kept"}))
        pid = await _pid(plugin)

        await until_count(scene, 0)
        await until_ended(pid)

        assert await plugin.call("word", {}) == ("kept", "kept")
        assert await _pid(plugin) != pid


async def test_a_host_at_work_is_not_idle(tmp_path: Path) -> None:
    async with open_scene(tmp_path, LEVEL, host_idle=0.2) as scene:
        plugin = await scene.hosts.open(scene.plugin(SOURCE))
        pid = await _pid(plugin)

        _ = await plugin.call("wait", {"seconds": 0.8})

        assert await _pid(plugin) == pid


async def test_an_organizations_least_recently_used_host_makes_room_for_its_next(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path, LEVEL, hosts_per_organization=2) as scene:
        mine = [scene.plugin(source, organization="mine") for source in _sources(3)]
        other = await scene.hosts.open(scene.plugin(SOURCE, organization="other"))
        first, second = [await scene.hosts.open(plugin) for plugin in mine[:2]]
        pids = [await _pid(each) for each in (other, second, first)]

        third = await scene.hosts.open(mine[2])

        await until_ended(pids[1])
        assert [await _pid(each) for each in (other, first)] == [pids[0], pids[2]]
        assert scene.hosts.count == 3
        assert await _pid(third) not in pids
        assert await _pid(second) not in pids


async def test_a_nodes_least_recently_used_host_makes_room_for_the_next(tmp_path: Path) -> None:
    async with open_scene(tmp_path, LEVEL, hosts=2) as scene:
        one, two = [await scene.hosts.open(scene.plugin(SOURCE)) for _ in range(2)]
        pids = [await _pid(each) for each in (two, one)]

        three = await scene.hosts.open(scene.plugin(SOURCE))

        assert scene.hosts.count == 2
        await until_ended(pids[0])
        assert await _pid(one) == pids[1]
        assert await _pid(three) not in pids


@pytest.mark.parametrize(
    ("limits", "organization", "sentence"),
    [
        pytest.param({"hosts_per_organization": 1}, "mine", "the organization's", id="its own"),
        pytest.param({"hosts": 1}, "other", "on this node", id="the node's"),
    ],
)
async def test_where_all_hosts_are_at_work_the_next_one_is_refused_for_now(
    limits: dict[str, int], organization: str, sentence: str, *, tmp_path: Path
) -> None:
    async with open_scene(tmp_path, LEVEL, **limits) as scene:
        mine, next_one = _sources(2)
        plugin = await scene.hosts.open(scene.plugin(mine, organization="mine"))
        working = asyncio.ensure_future(plugin.call("wait", {"seconds": 1}))
        await asyncio.sleep(0.1)

        with pytest.raises(PluginHostUnavailable, match=sentence) as refusal:
            _ = await scene.hosts.open(scene.plugin(next_one, organization=organization))

        assert refusal.value.retry_after == 1.0
        _ = await working
        again = await scene.hosts.open(scene.plugin(next_one, organization=organization))
        assert await _pid(again) > 0


async def test_hosts_that_push_each_other_out_answer_all_their_callers(tmp_path: Path) -> None:
    async with open_scene(tmp_path, LEVEL, hosts=3) as scene:
        names = [f"organization {number}" for number in range(3)]
        opened = [
            await scene.hosts.open(scene.plugin(SOURCE, organization=name, settings={"word": name}))
            for name in (*names, "another")
        ]

        async def ask(plugin: HostedPlugin) -> object:
            try:
                read, _ = await plugin.call("word", {})
            except ToolUnavailable as refusal:
                return refusal.message
            return read

        told = await asyncio.gather(*(ask(opened[n % 4]) for n in range(100)))

        full = "Too many plugins are at work on this node. Try again shortly."
        assert set(told[3::4]) <= {"another", full}
        assert {name for name in told if name != full} >= {*names}
        assert all(told[n] in {names[n % 4], full} for n in range(100) if n % 4 < 3)


async def test_a_plugin_that_crashes_five_times_in_a_minute_is_left_alone_for_a_while(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path, LEVEL, crashes=5, quarantine=2.0) as scene:
        mine, other = [
            await scene.hosts.open(scene.plugin(SOURCE, organization=name))
            for name in ("mine", "other")
        ]
        for _ in range(5):
            with pytest.raises(ToolUnavailable, match="process ended while"):
                _ = await mine.call("die", {})

        with pytest.raises(ToolUnavailable, match="5 times within a minute"):
            _ = await mine.call("pid", {})
        with pytest.raises(PluginQuarantined) as resting:
            _ = await scene.hosts.open(scene.plugin(SOURCE, organization="mine"))

        assert resting.value.retry_after is not None
        assert 0 < resting.value.retry_after <= 2.0
        assert await _pid(other) > 0
        await asyncio.sleep(2.0)
        assert await _pid(mine) > 0


class _Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time


def test_crashes_that_lie_further_apart_than_a_minute_do_not_count_together() -> None:
    clock = _Clock()
    quarantine = Quarantine(crashes=3, rest=10, now=clock.now)

    for _ in range(9):
        assert quarantine.note("plugin") is False
        clock.time += WINDOW / 2 + 1

    assert quarantine.seconds_left("plugin") == 0


def test_what_can_no_longer_count_is_forgotten() -> None:
    clock = _Clock()
    quarantine = Quarantine(crashes=2, rest=10, now=clock.now)
    for number in range(100):
        assert quarantine.note(number) is False
    for number in range(50):
        assert quarantine.note(number) is True
    clock.time += 9
    quarantine.forget_old()
    assert quarantine.seconds_left(7) == 1
    clock.time += WINDOW

    quarantine.forget_old()

    assert quarantine.seconds_left(7) == 0
    assert quarantine.note(77) is False
