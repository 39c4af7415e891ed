"""Asks each store whether it answers, and tells how the process is."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from cadence import __version__
from cadence.config.settings import Settings
from cadence.domains.operations.cautions import find_cautions
from cadence.domains.operations.figures import MomentaryFigures
from cadence.domains.operations.remedies import EVENTS_REMEDY, REMEDIES
from cadence.domains.operations.schemas import (
    AdminHealthAnswer,
    EventsHealth,
    IsolationHealth,
    PoolHealth,
    PoolStatisticsAnswer,
    SealingHealth,
    State,
    StoreHealth,
)
from cadence.infra.away import Store
from cadence.infra.events.relay import Events
from cadence.infra.secrets.sealing import Sealer
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.clock import Clock
from cadence.plugin_host.isolation import Isolation
from cadence.pool.pool import Pool
from cadence.runs.registry import RunRegistry

log = structlog.get_logger(__name__)

# A store that needs longer is as good as away for whoever waits behind a load balancer.
WITHIN_SECONDS = 2.0
# What `make bench` finds a further orchestrator to keep, the middle of nine kinds (52 to 136 KiB);
# what plugins keep for themselves comes on top and is not known.
KIB_OF_ONE = 100

Check = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Examined:
    """Whether a store answered, and after how many milliseconds."""

    state: State
    latency_ms: float


class ReadinessService:
    """One check for each store, all at once, each within two seconds."""

    def __init__(self, checks: Mapping[str, Check], *, events: Events) -> None:
        self._checks = checks
        self._events = events

    @property
    def events(self) -> State:
        """Whether events travel at the moment, as far as this process knows; asks nobody."""
        return State.OK if self._events.is_connected else State.DOWN

    async def states(self) -> dict[str, State]:
        """Return each store's state; why one is down is logged, never shown."""
        return {name: found.state for name, found in (await self.examine()).items()}

    async def examine(self) -> dict[str, Examined]:
        """Return each store's state, and how long it took to find out."""
        found = await asyncio.gather(*(_examine(name, ask) for name, ask in self._checks.items()))
        return dict(zip(self._checks, found, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class ThisProcess:
    """What is known of this process without asking a store."""

    settings: Settings
    isolation: Isolation
    sealer: Sealer
    pool: Pool
    runs: RunRegistry
    clock: Clock
    started_at: datetime


class HealthService:
    """Tells a sys_admin how this process and its stores are."""

    def __init__(
        self,
        *,
        readiness: ReadinessService,
        find_revision: Callable[[], Awaitable[str | None]],
        process: ThisProcess,
    ) -> None:
        self._readiness = readiness
        self._find_revision = find_revision
        self._process = process

    async def examine(self) -> AdminHealthAnswer:
        """Ask every store, and add what is known without asking."""
        stores = await self._readiness.examine()
        is_ok = all(found.state is State.OK for found in stores.values())
        has_schema = stores[Store.DATABASE].state is State.OK
        process, settings = self._process, self._process.settings
        uptime = process.clock.now() - process.started_at
        return AdminHealthAnswer(
            status=State.OK if is_ok else State.DOWN,
            version=__version__,
            environment=settings.environment,
            process_id=os.getpid(),
            started_at=process.started_at,
            uptime_seconds=round(uptime.total_seconds(), 1),
            stores={name: _show(name, found) for name, found in stores.items()},
            events=_show_events(self._readiness.events),
            schema_revision=await self._find_revision() if has_schema else None,
            isolation=_show_isolation(process.isolation),
            sealing=SealingHealth(primary=process.sealer.primary, kids=list(process.sealer.kids)),
            pool=PoolHealth(hot=len(process.pool), max_hot=settings.pool.max_hot),
            runs_under_way=len(process.runs),
            warnings=list(find_cautions(settings, process.isolation)),
        )


class PoolService:
    """Tells a sys_admin what this process's pool holds and has done."""

    def __init__(self, *, pool: Pool, count_orchestrators: Callable[[], Awaitable[int]]) -> None:
        self._pool = pool
        self._count_orchestrators = count_orchestrators

    async def statistics(self) -> PoolStatisticsAnswer:
        """Return the pool's counts."""
        found = self._pool.stats()
        orchestrators = await self._count_orchestrators()
        return PoolStatisticsAnswer(
            cold_count=max(0, orchestrators - found.hot - found.warm),
            warm_count=found.warm,
            hot_count=found.hot,
            shared_models=found.shared.models,
            shared_bundles=found.shared.bundles,
            shared_templates=found.shared.templates,
            estimated_memory_mb=round(found.hot * KIB_OF_ONE / 1024, 1),
            hits=found.hits,
            misses=found.misses,
            builds=found.builds,
            evictions=found.evictions,
            build_ms_p50=found.build_ms_p50,
            build_ms_p95=found.build_ms_p95,
        )


class MetricsService:
    """Tells what this process has counted, and how it is at this moment."""

    def __init__(self, metrics: Metrics, figures: MomentaryFigures) -> None:
        self._metrics = metrics
        self._figures = figures

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return self._metrics.render(self._figures)


def _show(name: str, found: Examined) -> StoreHealth:
    remedy = REMEDIES[name] if found.state is State.DOWN else None
    return StoreHealth(state=found.state, latency_ms=found.latency_ms, remedy=remedy)


def _show_isolation(found: Isolation) -> IsolationHealth:
    return IsolationHealth(
        level=found.level,
        weak=found.level is not None and found.level.is_weak,
        cause=f"{found.cause}.",
        remedy=found.remedy or None,
    )


def _show_events(state: State) -> EventsHealth:
    return EventsHealth(state=state, remedy=EVENTS_REMEDY if state is State.DOWN else None)


async def _examine(name: str, ask: Check) -> Examined:
    began = time.perf_counter()
    state = await _state(name, ask)
    return Examined(state, round((time.perf_counter() - began) * 1000, 1))


async def _state(name: str, ask: Check) -> State:
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            await ask()
    except Exception as failure:  # noqa: BLE001  # each driver has its own errors; all mean down
        log.warning("store_down", store=name, error=type(failure).__name__)
        return State.DOWN
    return State.OK
