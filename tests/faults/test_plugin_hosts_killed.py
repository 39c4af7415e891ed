"""Hosts of plugins and their zygote are killed over their callers, again and again.

`PLUGIN_KILLS=120 pytest tests/faults/test_plugin_hosts_killed.py -s` does it for two minutes and
shows what SECURITY.md §7.1 promises.
"""

import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import uvloop

from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.isolation import IsolationLevel
from tests.fixtures.plugin_hosts import (
    LEVELS,
    HostScene,
    descriptors,
    end_at_once,
    host_pids,
    open_scene,
    plugin_source,
    why_not,
    zygote_pid,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = float(os.environ.get("PLUGIN_KILLS", "20"))  # noqa: TID251  # said above
ORGANIZATIONS, CALLERS = 30, 60
# Seconds. Between two kills of hosts at most, and of zygotes at least.
HOST_EVERY, ZYGOTE_EVERY = 0.1, 2.0
HANGS_AFTER = 20.0
ROUNDS = 20
ZYGOTE_ROUNDS = 5
# So often that quarantine never sets in.
NEVER = 1_000_000

TOP = """
@uvtool
async def hold() -> str:
    '''Wait for the end.'''
    await asyncio.sleep(3600)
"""
TOOLS = """hold,
            uvtool(name='echo')(lambda nonce: [self.settings['word'], nonce]),
            uvtool(name='later')(self.later)"""
SOURCE = plugin_source(top=TOP, tools=TOOLS).replace(
    "    def get_tools(self)",
    "    async def later(self, nonce: int) -> list:\n"
    "        await asyncio.sleep(nonce % 7 / 1000)\n"
    "        return [self.settings['word'], nonce]\n\n"
    "    def get_tools(self)",
)


@dataclass(slots=True)
class Tally:
    """What came of all calls."""

    good: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    longest: float = 0.0
    wrong: list[object] = field(default_factory=list)


@pytest.fixture(scope="module")
def best() -> IsolationLevel:
    """The strictest level that this machine can have."""
    return next(level for level in reversed(LEVELS) if why_not(level) is None)


def _run(main: Callable[[], Awaitable[None]]) -> None:
    async def awaited() -> None:
        await main()

    # What the service runs on.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(awaited())


def test_every_answer_goes_to_its_caller_while_hosts_and_zygotes_are_killed(
    best: IsolationLevel, tmp_path: Path
) -> None:
    async def main() -> None:
        async with open_scene(tmp_path, best, crashes=NEVER, call_timeout=10) as scene:
            opened = await _opened(scene)
            tally, nonces, ends_at = Tally(), count(), time.monotonic() + SECONDS
            async with asyncio.TaskGroup() as tasks:
                killing = tasks.create_task(_kill(scene, ends_at))
                for _ in range(CALLERS):
                    _ = tasks.create_task(_call(opened, tally, nonces, ends_at=ends_at))
            hosts_killed, zygotes_killed = await killing
            in_use = len(descriptors())

            assert tally.wrong == []
            assert hosts_killed > SECONDS
            assert tally.good > SECONDS * CALLERS
            for name, plugin in opened.items():
                assert (await plugin.call("echo", {"nonce": 1}))[0] == [name, 1]
        _show(
            f"{SECONDS:g} s at {best}: {hosts_killed} hosts and {zygotes_killed} zygotes killed, "
            f"{tally.good} good answers, 0 to somebody else, {sum(tally.lost.values())} calls lost "
            f"{tally.lost}; the longest call took {tally.longest:.2f} s; {in_use} descriptors"
        )

    async def warm_up() -> None:
        # uvloop keeps what it has opened for the first process ever.
        _ = await (await asyncio.create_subprocess_exec("true")).wait()

    _run(warm_up)
    before = descriptors()
    _run(main)
    assert descriptors() <= before


@pytest.mark.parametrize("whom", ["host", "zygote"])
def test_a_kill_is_told_soon_and_the_next_call_works(
    whom: str, best: IsolationLevel, tmp_path: Path
) -> None:
    async def main() -> None:
        async with open_scene(tmp_path, best, crashes=NEVER) as scene:
            plugin = await scene.hosts.open(scene.plugin(SOURCE, settings={"word": "kept"}))
            told: list[float] = []
            good: list[float] = []
            for turn in range(ROUNDS if whom == "host" else ZYGOTE_ROUNDS):
                holding = asyncio.ensure_future(plugin.call("hold", {}))
                await asyncio.sleep(0.05)
                assert not holding.done()
                victim = (
                    host_pids(scene.zygotes, of=best)[0]
                    if whom == "host"
                    else zygote_pid(scene.zygotes, of=best)
                )
                began = time.perf_counter()
                end_at_once(victim)
                with pytest.raises(ToolUnavailable):
                    _ = await holding
                told.append(time.perf_counter() - began)
                assert (await plugin.call("echo", {"nonce": turn}))[0] == ["kept", turn]
                good.append(time.perf_counter() - began)
        _show(
            f"kill -9 of a {whom} at {best}, {len(told)} times: its caller is told after "
            f"{_spread(told)}, the next call is answered after {_spread(good)}"
        )

    _run(main)


async def _opened(scene: HostScene) -> dict[str, HostedPlugin]:
    names = [f"organization {number}" for number in range(ORGANIZATIONS)]
    return {
        name: await scene.hosts.open(
            scene.plugin(SOURCE, organization=name, settings={"word": name})
        )
        for name in names
    }


async def _call(
    opened: dict[str, HostedPlugin], tally: Tally, nonces: "count[int]", *, ends_at: float
) -> None:
    chance = random.Random(next(nonces))  # noqa: S311  # no secret
    while time.monotonic() < ends_at:
        name, nonce = chance.choice(list(opened)), next(nonces)
        began = time.monotonic()
        try:
            async with asyncio.timeout(HANGS_AFTER):
                tool = chance.choice(["echo", "later"])
                answer, _ = await opened[name].call(tool, {"nonce": nonce})
        except ToolUnavailable as lost:
            tally.lost[lost.message] = tally.lost.get(lost.message, 0) + 1
        else:
            tally.good += 1
            if answer != [name, nonce]:
                tally.wrong.append((name, nonce, answer))
        tally.longest = max(tally.longest, time.monotonic() - began)


async def _kill(scene: HostScene, ends_at: float) -> tuple[int, int]:
    """Kill until the time is up, and return how many hosts and zygotes it has hit."""
    chance = random.Random(0)  # noqa: S311  # no secret
    hosts = zygotes = 0
    next_zygote = time.monotonic() + ZYGOTE_EVERY
    while time.monotonic() < ends_at:
        await asyncio.sleep(chance.uniform(0, HOST_EVERY))
        # What is found may be gone when it is killed, or not be there yet.
        with suppress(AssertionError, ProcessLookupError, FileNotFoundError, ValueError):
            if time.monotonic() > next_zygote:
                end_at_once(zygote_pid(scene.zygotes, of=scene.level))
                next_zygote = time.monotonic() + ZYGOTE_EVERY
                zygotes += 1
            elif victims := host_pids(scene.zygotes, of=scene.level):
                end_at_once(chance.choice(victims))
                hosts += 1
    return hosts, zygotes


def _spread(seconds: list[float]) -> str:
    ordered = sorted(1000 * each for each in seconds)
    return f"p50 {statistics.median(ordered):.1f} ms, at most {ordered[-1]:.1f} ms"


def _show(line: str) -> None:
    _ = sys.stdout.write(f"\n{line}\n")
