"""Measures the pool of a whole server in this process, asked over HTTP by itself."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import assert_never, cast

import httpx
import uvloop
from fastapi import FastAPI

from cadence.config.settings import PoolSettings, PrewarmStrategy
from cadence.engine.modes import Framework
from cadence.entrypoints.serving import build_server
from cadence.infra.telemetry.logging import configure_logging
from cadence.pool.pool import Pool
from cadence.pool.tiers import Tier
from tests.benchmarks.memory import resident_mib
from tests.benchmarks.pool_figures import FULL, QUICK, PoolFigures, Scale, Spread, Start
from tests.benchmarks.population import MEMBER, Resident, read_population
from tests.benchmarks.workload import QUESTION
from tests.fixtures.clients import log_in, open_http
from tests.fixtures.service import settings_for

_TICK = 0.005
_Timed = dict[Framework, dict[Start, list[float]]]


@dataclass(frozen=True, slots=True)
class _Bench:
    """The pool to look at, and a client signed in as somebody of every organization."""

    pool: Pool
    http: httpx.AsyncClient

    async def first_token(self, resident: Resident) -> float:
        """Play a turn and return the milliseconds from the request to the first word."""
        body = {"instance_id": resident.id, "message": QUESTION}
        path = f"/api/orgs/{resident.organization_id}/completion/stream"
        began, first, is_good = time.perf_counter(), None, False
        async with self.http.stream("POST", path, json=body) as answer:
            async for line in answer.aiter_lines():
                if first is None and line == "event: message":
                    first = 1000 * (time.perf_counter() - began)
                is_good = is_good or '"outcome":"completed"' in line
        assert first is not None, f"{resident.framework} said nothing"
        assert is_good, f"{resident.framework} did not come to its end"
        return first

    async def first_token_from(self, start: Start, resident: Resident) -> float:
        """Bring an orchestrator to where it starts, then play a turn."""
        match start:
            case Start.HOT:
                assert self.pool.find(resident.key).tier is Tier.HOT
            case Start.WARM:
                await self.pool.unload(resident.key)
                await self.pool.load(resident.key, Tier.WARM)
            case Start.COLD | Start.ALONE:
                await self.pool.unload(resident.key)
            case _:
                assert_never(start)
        await self.settled()
        return await self.first_token(resident)

    async def settled(self) -> None:
        """Wait until what is out of service has been closed."""
        while self.pool.stats().draining:  # noqa: ASYNC110  # counted, not told
            await asyncio.sleep(_TICK)


@asynccontextmanager
async def _serving(root: Path, *, hot: int) -> AsyncIterator[_Bench]:
    pool = PoolSettings(max_hot=hot, prewarm_strategy=PrewarmStrategy.NONE)
    settings = settings_for(root).model_copy(update={"pool": pool})
    server = build_server(settings)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        while not server.started:
            assert not serving.done(), "the server did not start"
            await asyncio.sleep(_TICK)
        async with open_http(f"http://127.0.0.1:{settings.api.port}") as http:
            http.headers["Authorization"] = f"Bearer {await log_in(http, MEMBER)}"
            app = cast("FastAPI", server.config.app)
            yield _Bench(app.state.resources.pool, http)
        server.should_exit = True


async def _measure(root: Path, scale: Scale) -> PoolFigures:
    population = read_population(root)
    hot = [resident for resident in population if resident.is_hot]
    async with _serving(root, hot=len(hot)) as bench:
        ready = resident_mib()
        for resident in hot:
            _ = await bench.first_token(resident)
        with_hot = resident_mib()
        shared = asdict(bench.pool.stats().shared)
        look_up = Spread.of([taken async for taken in _look_ups(bench.pool, hot, scale.look_ups)])
        timed = await _first_tokens(bench, population, scale.turns)
        for resident in population:
            await bench.pool.load(resident.key, Tier.HOT if resident.is_hot else Tier.WARM)
        await bench.settled()
        found = bench.pool.stats()
        return PoolFigures(
            registered=len(population),
            hot=found.hot,
            warm=found.warm,
            organizations=len({resident.organization_id for resident in population}),
            resident=(ready, with_hot, resident_mib()),
            look_up=look_up,
            first_token={
                framework: {start: Spread.of(taken) for start, taken in starts.items()}
                for framework, starts in timed.items()
            },
            builds=found.builds,
            build_ms=(found.build_ms_p50 or 0, found.build_ms_p95 or 0),
            shared=shared,
        )


async def _look_ups(pool: Pool, hot: Sequence[Resident], count: int) -> AsyncIterator[float]:
    """Yield the microseconds until the pool has lent each."""
    keys = [resident.key for resident in hot]
    hashes = [pool.find(key).build_hash or "" for key in keys]
    asked = cycle(zip(keys, hashes, strict=True))
    for _ in range(count):
        (organization_id, orchestrator_id), build_hash = next(asked)
        began = time.perf_counter_ns()
        async with pool.lease(organization_id, orchestrator_id, build_hash=build_hash):
            yield (time.perf_counter_ns() - began) / 1000


async def _first_tokens(bench: _Bench, population: Sequence[Resident], turns: int) -> _Timed:
    """Measure every start in turns, so that a busy moment of the machine meets all alike."""
    timed: _Timed = {framework: {start: [] for start in Start} for framework in Framework}
    usual = {each: cycle(_of(each, population, is_idle=False)) for each in Framework}
    alone = {each: cycle(_of(each, population, is_idle=True)) for each in Framework}
    for _ in range(turns):
        for framework, starts in timed.items():
            cold, warm = next(usual[framework]), next(usual[framework])
            starts[Start.COLD].append(await bench.first_token_from(Start.COLD, cold))
            starts[Start.WARM].append(await bench.first_token_from(Start.WARM, warm))
            # It has just become hot, and had the one turn that the hot ones have had.
            starts[Start.HOT].append(await bench.first_token_from(Start.HOT, warm))
            first = next(alone[framework])
            starts[Start.ALONE].append(await bench.first_token_from(Start.ALONE, first))
            await bench.pool.drop_organization(first.key[0])
    return timed


def _of(framework: Framework, population: Iterable[Resident], *, is_idle: bool) -> list[Resident]:
    """Return those of a framework that are not hot from the start."""
    return [
        resident
        for resident in population
        if resident.framework is framework and resident.is_idle is is_idle and not resident.is_hot
    ]


if __name__ == "__main__":
    configure_logging(level="ERROR", output="json")
    _figures = uvloop.run(_measure(Path(sys.argv[2]), QUICK if sys.argv[1] == "quick" else FULL))
    print(json.dumps(asdict(_figures)), flush=True)
