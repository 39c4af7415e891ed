"""What it costs that plugins run in processes of their own: starts, calls, memory, neighbours.

Hosts run at the strictest level that the machine can have. A call is compared to one of the same
tool inside this process, on a thread of an executor, as a service without hosts would make it.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import uvloop
from typing_extensions import override

from cadence.infra.telemetry.logging import configure_logging
from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.in_process import InProcessPlugins
from cadence.plugin_host.ports import OpenedPlugin
from tests.fixtures.plugin_hosts import (
    LEVELS,
    HostScene,
    family_of,
    open_scene,
    plugin_source,
    why_not,
)

# Targets of issue 7.
_START_MS, _P50_US, _P99_MS, _MIB, _TIMES = 20, 150, 5, 6, 2
# So often that quarantine never sets in: the neighbour is as bad as it can be.
_NEVER = 1_000_000
_WARM_UP = 300
# Seconds.
_PAUSE = 0.001

_GREET = """
@uvtool
def greet(name: str) -> str:
    '''Greet somebody.'''
    return f"Hello, {name}!"
"""
_TOP = (
    f"{_GREET}\n"
    """
@uvtool
async def greet_later(name: str) -> str:
    '''Greet somebody from the event loop.'''
    return f"Hello, {name}!"


@uvtool
def hang() -> str:
    '''Use up a core until the end.'''
    while True:
        pass


@uvtool
def crash() -> str:
    '''End the process.'''
    os._exit(1)


@uvtool
def flood() -> str:
    '''Print and answer as much as there is room for.'''
    for _ in range(10):
        print("x" * 100_000)
    return "x" * 260_000


@uvtool
def babble() -> str:
    '''Say to the service what it has not asked for.'''
    os.set_blocking(3, True)
    while True:
        os.write(3, b"\\0\\0\\0\\x11{\\"id\\":4711,\\"a\\":7}" * 3000)
"""
)
_SOURCE = plugin_source(top=_TOP, tools="greet, greet_later, hang, crash, flood, babble")
_SMALL = plugin_source(top=_GREET, tools="greet")
_GREETING = {"name": "Ada"}
_BAD = ("hang", "crash", "flood", "babble")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """How much is measured."""

    hosts: int
    calls: int
    callers: int
    crowd: int
    crowd_seconds: float
    rounds: int
    neighbour_seconds: float


_FULL = _Scale(
    hosts=50,
    calls=5000,
    callers=200,
    crowd=20,
    crowd_seconds=5,
    rounds=5,
    neighbour_seconds=2,
)
_QUICK = _Scale(
    hosts=20,
    calls=1500,
    callers=200,
    crowd=20,
    crowd_seconds=2,
    rounds=2,
    neighbour_seconds=1,
)


@dataclass(frozen=True, slots=True)
class _Spread:
    """Of many durations, in seconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "_Spread":
        ordered = sorted(seconds)
        return cls(median(ordered), ordered[int(len(ordered) * 0.99)])

    @override
    def __str__(self) -> str:
        return f"p50 {1e6 * self.p50:7.0f} us   p99 {1e3 * self.p99:7.2f} ms"


def run(*, is_quick: bool) -> None:
    """Print the figures of issue 7 that are about hosts."""
    begun = time.monotonic()
    pace = "quick" if is_quick else "full"
    # Of its own, so that what else this process holds is not in the way.
    _ = subprocess.run([sys.executable, "-m", __name__, pace], check=True)
    print(f"\nmeasured in {time.monotonic() - begun:.0f} s")


async def _measure(scale: _Scale) -> None:
    level = next(level for level in reversed(LEVELS) if why_not(level) is None)
    print(f"\nPlugin hosts at the level {level}")
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(Path(folder), level) as scene:
            missed += await _starts(scene, scale)
            missed += await _calls(scene, scale)
            await _crowd(scene, scale)
        async with open_scene(Path(folder), level) as scene:
            print("  calls with a pause, and what a bad neighbour does to them")
            missed += await _neighbours(scene, scale)
        async with open_scene(Path(folder), level, crashes=_NEVER, call_timeout=2) as scene:
            print("    the same where a bad plugin is never left alone, which has no target")
            _ = await _neighbours(scene, scale)
    print("\nTargets missed:" if missed else "\nEvery target is met.")
    for line in missed:
        print(f"  {line}")


async def _starts(scene: HostScene, scale: _Scale) -> list[str]:
    """Measure starts, and what each further host weighs once it has been called."""
    seconds: list[float] = []
    began = time.perf_counter()
    busy: list[float] = []
    first = 0.0
    for _ in range(scale.hosts + 1):
        plugin = scene.plugin(_SMALL)
        began_one = time.perf_counter()
        opened = await scene.hosts.open(plugin)
        seconds.append(time.perf_counter() - began_one)
        busy.append(_seconds_on_cpu(scene))
        _ = await opened.call("greet", _GREETING)
        if len(seconds) == 1:
            first = _family_mib(scene)
    zygote, weight = seconds.pop(0), _family_mib(scene)
    further = (weight - first) / scale.hosts
    spread = _Spread.of(seconds)
    total = time.perf_counter() - began
    print(f"  the first one, with its zygote                      {1e3 * zygote:7.0f} ms")
    print(f"  {scale.hosts} further ones, one by one, in {total:.1f} s")
    print(
        f"    started and its plugin opened                 p50 {1e3 * spread.p50:7.1f} ms"
        f"   p99 {1e3 * spread.p99:7.1f} ms"
    )
    starts = [after - before for before, after in pairwise(busy)]
    print(f"    CPU that it and the zygote take               p50 {1e3 * median(starts):7.1f} ms")
    print(f"    memory of its own (PSS) for each                  {further:7.2f} MiB")
    print(f"    memory of zygote and all of them                  {weight:7.0f} MiB")
    return [
        *_above("host start p50", 1e3 * spread.p50, _START_MS, unit="ms"),
        *_above("memory of a further host", further, _MIB, unit="MiB"),
    ]


async def _calls(scene: HostScene, scale: _Scale) -> list[str]:
    """Measure calls one after another, in turns with those inside this process."""
    plugin = scene.plugin(_SOURCE)
    hosted = await scene.hosts.open(plugin)
    with ThreadPoolExecutor(4) as threads:
        inside = await InProcessPlugins(threads, within=10).open(plugin)
        timed: dict[str, list[float]] = {}
        for name, opened, tool in (
            ("in this process, on a thread", inside, "greet"),
            ("in a host, a sync tool", hosted, "greet"),
            ("in a host, an async tool", hosted, "greet_later"),
        ):
            _ = await _timed(opened, tool, _WARM_UP)
            timed[name] = []
        for _ in range(10):
            timed["in this process, on a thread"] += await _timed(
                inside, "greet", scale.calls // 10
            )
            timed["in a host, a sync tool"] += await _timed(hosted, "greet", scale.calls // 10)
            timed["in a host, an async tool"] += await _timed(
                hosted, "greet_later", scale.calls // 10
            )
        await inside.close()
    print(f"  {scale.calls} calls one after another")
    spreads = {name: _Spread.of(seconds) for name, seconds in timed.items()}
    for name, spread in spreads.items():
        print(f"    {name:30}                {spread}")
    sync = spreads["in a host, a sync tool"]
    beyond = sync.p50 - spreads["in this process, on a thread"].p50
    print(f"    more than in this process                     p50 {1e6 * beyond:7.0f} us")
    return [
        *_above("call p50", 1e6 * sync.p50, _P50_US, unit="us"),
        *_above("call p99", 1e3 * sync.p99, _P99_MS, unit="ms"),
    ]


async def _crowd(scene: HostScene, scale: _Scale) -> None:
    """Count calls of many at once."""
    opened = [await scene.hosts.open(scene.plugin(_SOURCE)) for _ in range(scale.crowd)]
    seconds: list[float] = []
    ends_at = time.perf_counter() + scale.crowd_seconds

    async def ask(plugin: OpenedPlugin) -> None:
        while time.perf_counter() < ends_at:
            began = time.perf_counter()
            _ = await plugin.call("greet", _GREETING)
            seconds.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as tasks:
        for number in range(scale.callers):
            _ = tasks.create_task(ask(opened[number % scale.crowd]))
    rate = len(seconds) / scale.crowd_seconds
    print(
        f"  {scale.callers} callers at once of {scale.crowd} hosts"
        f"               {rate:7.0f} calls/s   {_Spread.of(seconds)}"
    )


async def _neighbours(scene: HostScene, scale: _Scale) -> list[str]:
    """Compare the calls of one organization with and without another's bad plugin at work."""
    good = await scene.hosts.open(scene.plugin(_SOURCE))
    bad = {name: await scene.hosts.open(scene.plugin(_SOURCE)) for name in _BAD}
    quiet: list[float] = []
    noisy: dict[str, list[float]] = {name: [] for name in _BAD}
    _ = await _timed(good, "greet", _WARM_UP)
    for _ in range(scale.rounds):
        for name in _BAD:
            quiet += await _for_a_while(good, scale.neighbour_seconds)
            async with _beside(bad[name], name):
                noisy[name] += await _for_a_while(good, scale.neighbour_seconds)
    alone = _Spread.of(quiet)
    print(f"    alone                                         {alone}")
    missed: list[str] = []
    for name, seconds in noisy.items():
        spread = _Spread.of(seconds)
        times = spread.p99 / alone.p99
        print(f"    beside one that does nothing but {name:8}     {spread} {times:6.2f} times")
        missed += _above(
            f"p99 beside one that does nothing but {name}", times, _TIMES, unit="times"
        )
    return missed


class _beside:  # noqa: N801  # reads like the function that it is
    """Call a bad plugin from four tasks for as long as the block takes."""

    def __init__(self, plugin: OpenedPlugin, tool: str) -> None:
        self._plugin = plugin
        self._tool = tool
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._go_on()) for _ in range(4)]
        await asyncio.sleep(0.1)

    async def __aexit__(self, *_exception: object) -> None:
        for task in self._tasks:
            _ = task.cancel()
        _ = await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _go_on(self) -> None:
        while True:
            try:
                _ = await self._plugin.call(self._tool, {})
            except ToolUnavailable:
                # A model would take longer until it tries again.
                await asyncio.sleep(_PAUSE)


async def _for_a_while(plugin: OpenedPlugin, seconds: float) -> list[float]:
    timed: list[float] = []
    ends_at = time.perf_counter() + seconds
    while time.perf_counter() < ends_at:
        timed += await _timed(plugin, "greet", 1)
        await asyncio.sleep(_PAUSE)
    return timed


async def _timed(plugin: OpenedPlugin, tool: str, calls: int) -> list[float]:
    timed: list[float] = []
    for _ in range(calls):
        began = time.perf_counter()
        _ = await plugin.call(tool, _GREETING)
        timed.append(time.perf_counter() - began)
    return timed


def _family_mib(scene: HostScene) -> float:
    """Return what zygote and hosts weigh: what they share is counted once."""
    return sum(map(_proportional_mib, family_of(scene.zygotes.process_id or 0)))


def _seconds_on_cpu(scene: HostScene) -> float:
    """Return what zygote and hosts have used up; less blurred by others than the clock is."""
    return sum(map(_on_cpu, family_of(scene.zygotes.process_id or 0)))


def _on_cpu(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        return sum(
            int(each.read_text().split()[0]) / 1e9
            for each in Path(f"/proc/{pid}/task").glob("*/schedstat")
        )
    return 0.0


def _proportional_mib(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _above(name: str, found: float, target: float, *, unit: str) -> list[str]:
    return [f"{name}: {found:.1f} {unit}, not {target}"] if found > target else []


if __name__ == "__main__":
    configure_logging(level="CRITICAL", output="json")
    uvloop.run(_measure(_QUICK if sys.argv[1] == "quick" else _FULL))
