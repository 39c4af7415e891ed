"""Measures kinds of orchestrators in this process, each beside its bare framework."""

import asyncio
import gc
import importlib
import itertools
import json
import logging
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import cast

import httpx
import httpx2
import uvloop

from cadence.engine.contract import Backend, Turn
from cadence.engine.events import MessageDelta
from cadence.engine.modes import Framework, Mode
from cadence.engine.registry import BackendRegistry
from cadence.engine.spec import OrchestratorSpec
from cadence.engine.tool_invoker import CheckedInvoker
from cadence.infra.egress.clients import open_egress
from cadence.infra.egress.rules import EgressRules
from cadence.kernel.clock import SystemClock
from tests.benchmarks.figures import FULL, QUICK, Effort, Figures, Pair
from tests.benchmarks.local_model import WORD
from tests.benchmarks.memory import bytes_in_use
from tests.benchmarks.workload import LONG, QUESTION, SHORT, Bare, Play, Plugins, build_spec

_BARE = {
    Framework.LANGGRAPH: ("tests.benchmarks.bare_langgraph", "BareLangGraph"),
    Framework.OPENAI_AGENTS: ("tests.benchmarks.bare_openai_agents", "BareOpenAIAgents"),
    Framework.GOOGLE_ADK: ("tests.benchmarks.bare_google_adk", "BareGoogleAdk"),
}

# Ours goes through the guard that the product has; the bare frameworks have none.
_LOOPBACK = EgressRules(allow_networks=(ip_network("127.0.0.0/8"),))

_WARM_UP = 15
_TENTH = slice(5, 14)  # one turn alone is noise

_Build = Callable[[OrchestratorSpec], Play]


@dataclass(slots=True)
class _Side:
    """One of the two that are compared, and what has been measured of it."""

    build: _Build
    short: Play
    long: Play
    cpu: list[float] = field(default_factory=list)
    long_cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    crowd_cpu: list[float] = field(default_factory=list)


class _Stage:
    """One kind in this process."""

    def __init__(self, kind: str, *, base_url: str, numbers: "itertools.count[int]") -> None:
        framework, _, mode = kind.partition("-")
        self.kind = kind
        self.framework = Framework(framework)
        self.mode = Mode(mode)
        self._base_url = base_url
        self._numbers = numbers

    def spec(self, tokens: int = SHORT) -> OrchestratorSpec:
        """Return the specification of another tenant's orchestrator."""
        return build_spec(
            self.framework,
            self.mode,
            base_url=self._base_url,
            tokens=tokens,
            number=next(self._numbers),
        )

    async def calls(self) -> int:
        """Return how many calls the model has had."""
        async with httpx.AsyncClient(trust_env=False) as http:
            return int((await http.get(f"{self._base_url}/calls")).text)


async def _measure(stage: _Stage, effort: Effort) -> Figures:
    async with open_egress(_LOOPBACK) as ours, httpx2.AsyncClient(trust_env=False) as theirs:
        registry = BackendRegistry(ours, clock=SystemClock())
        await registry.warm_up(stage.spec())
        build = _building(await registry.backend_for(stage.framework))
        mine = _side(build, stage)
        first, tenth = await _first_and_tenth(mine.short)
        # Imported only now, so that it has not warmed anything up for our first turn.
        module, name = _BARE[stage.framework]
        bare = cast("Bare", getattr(importlib.import_module(module), name)(theirs))
        its = _side(bare.build, stage)
        calls = await _same_calls(stage, mine, its)
        for play in (mine.short, mine.long, its.short, its.long):
            await _warm(play)
        further = [await _further(side, stage, effort.further) for side in (mine, its)]
        gc.collect()
        gc.freeze()
        await _play_rounds((mine, its), effort)
        builds = _builds((mine, its), stage, effort.builds)
        gc.unfreeze()
    return Figures(
        kind=stage.kind,
        calls=calls,
        cpu=_pair(mine.cpu, its.cpu),
        p50=_pair(mine.wall, its.wall),
        p99=Pair(_p99(mine.wall), _p99(its.wall)),
        rate=Pair(
            1000 / statistics.median(mine.crowd_cpu), 1000 / statistics.median(its.crowd_cpu)
        ),
        token=Pair(_per_token(mine), _per_token(its)),
        build=builds,
        further=Pair(*further),
        first=first,
        tenth=tenth,
    )


def _side(build: _Build, stage: _Stage) -> _Side:
    return _Side(build, build(stage.spec()), build(stage.spec(LONG)))


def _building(backend: Backend) -> _Build:
    code = Plugins()

    def build(spec: OrchestratorSpec) -> Play:
        tools = CheckedInvoker(
            spec.agents,
            {agent.name: code for agent in spec.agents},
            result_bytes=spec.limits.tool_result_bytes,
        )
        backend.load(spec)
        runtime = backend.build(spec, tools)

        async def play(message: str) -> str:
            said = [
                event.content
                async for event in runtime.stream(Turn(message=message))
                if isinstance(event, MessageDelta)
            ]
            return "".join(said)

        return play

    return build


async def _first_and_tenth(play: Play) -> tuple[float, float]:
    first, *others = [await _cpu(play, 1) for _ in range(_WARM_UP)]
    return first, statistics.median(others[_TENTH])


async def _same_calls(stage: _Stage, mine: _Side, its: _Side) -> int:
    """Play a turn on each side; both must ask the model as often and get the same answer."""
    counts = [await stage.calls()]
    for play in (mine.short, its.short):
        said = await play(QUESTION)
        if not said.endswith(f"{WORD} " * SHORT):
            raise AssertionError(f"{stage.kind} answered {said!r}")
        counts.append(await stage.calls())
    before, between, after = counts
    if between - before != after - between:
        raise AssertionError(f"{stage.kind} made {between - before} calls, not {after - between}")
    return between - before


async def _warm(play: Play) -> None:
    for _ in range(_WARM_UP // 3):
        await play(QUESTION)


async def _play_rounds(sides: Sequence[_Side], effort: Effort) -> None:
    # Whoever goes second finds the caches warm, so the order turns each round.
    for number in range(effort.rounds):
        for side in sides[:: -1 if number % 2 else 1]:
            await _play_round(side, effort)
    for number in range(effort.crowds):
        for side in sides[:: -1 if number % 2 else 1]:
            side.crowd_cpu.append(await _crowd_cpu(side.short, effort.at_once))


async def _play_round(side: _Side, effort: Effort) -> None:
    begun = time.process_time()
    for _ in range(effort.turns):
        before = time.perf_counter()
        await side.short(QUESTION)
        side.wall.append(1000 * (time.perf_counter() - before))
    side.cpu.append(1000 * (time.process_time() - begun) / effort.turns)
    side.long_cpu.append(await _cpu(side.long, effort.long_turns))


async def _cpu(play: Play, turns: int) -> float:
    """Return the milliseconds of process time that one turn takes."""
    begun = time.process_time()
    for _ in range(turns):
        await play(QUESTION)
    return 1000 * (time.process_time() - begun) / turns


async def _crowd_cpu(play: Play, at_once: int) -> float:
    begun = time.process_time()
    async with asyncio.TaskGroup() as turns:
        for _ in range(at_once):
            turns.create_task(_play_whole(play))
    return 1000 * (time.process_time() - begun) / at_once


async def _play_whole(play: Play) -> None:
    await play(QUESTION)


def _builds(sides: Sequence[_Side], stage: _Stage, number: int) -> Pair:
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(number):
        for side, times in zip(sides, taken, strict=True):
            spec = stage.spec()
            begun = time.process_time()
            side.build(spec)
            times.append(1000 * (time.process_time() - begun))
    return _pair(*taken)


async def _further(side: _Side, stage: _Stage, number: int) -> float:
    """Return the KiB that each further orchestrator keeps, built and after its first turn."""
    kept = await _grow(side, stage, 5)  # what is kept once for all comes first
    before = bytes_in_use()
    kept += await _grow(side, stage, number)
    return (bytes_in_use() - before) / number / 1024


async def _grow(side: _Side, stage: _Stage, number: int) -> list[Play]:
    plays = []
    for _ in range(number):
        play = side.build(stage.spec())
        await play(QUESTION)
        plays.append(play)
    gc.collect()
    return plays


def _pair(ours: Sequence[float], bare: Sequence[float]) -> Pair:
    return Pair(statistics.median(ours), statistics.median(bare))


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[98]


def _per_token(side: _Side) -> float:
    more = statistics.median(side.long_cpu) - statistics.median(side.cpu)
    return 1000 * more / (LONG - SHORT)


async def _main(effort: Effort, base_url: str, kinds: Sequence[str]) -> None:
    numbers = itertools.count()
    for kind in kinds:
        figures = await _measure(_Stage(kind, base_url=base_url, numbers=numbers), effort)
        print(json.dumps(figures.plain()), flush=True)


if __name__ == "__main__":
    # The bare frameworks warn of what is new in them, and log what is none of ours.
    warnings.simplefilter("ignore")
    logging.disable()
    uvloop.run(_main(QUICK if sys.argv[1] == "quick" else FULL, sys.argv[2], sys.argv[3:]))
