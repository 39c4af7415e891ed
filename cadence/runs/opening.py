"""Everything about runs that one process has, opened together and closed in order."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from cadence.config.settings import RateSettings, RunSettings
from cadence.runs.beginning import RunBeginning
from cadence.runs.flushing import RunFlusher
from cadence.runs.keeping import RunKeeper
from cadence.runs.log import RunLog
from cadence.runs.orders import RunOrders
from cadence.runs.registry import RunRegistry
from cadence.runs.slots import StreamSlots


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What a request may use of runs; `flusher` and `keeper` are for `RunRescuer`."""

    redis: Redis
    beginning: RunBeginning
    log: RunLog
    registry: RunRegistry
    orders: RunOrders
    slots: StreamSlots
    flusher: RunFlusher
    keeper: RunKeeper


def build_runs(redis: Redis, *, node: str, settings: RunSettings, rates: RateSettings) -> Runs:
    """Assemble the parts; nothing of them works before they are opened.

    `node` names this process as no other one, before or after it.
    """
    registry = RunRegistry()
    flusher = RunFlusher(redis, node=node, settings=settings, stop=registry.cancel)
    registry.follow(flusher.let_go)
    slots = StreamSlots(redis, rates=rates, streams_per_node=settings.streams_per_node)
    log = RunLog(redis, settings, flusher)
    return Runs(
        redis=redis,
        beginning=RunBeginning(redis, log=log, flusher=flusher, slots=slots),
        log=log,
        registry=registry,
        orders=RunOrders(redis, registry),
        slots=slots,
        flusher=flusher,
        keeper=RunKeeper(redis, flusher=flusher, registry=registry, slots=slots),
    )


@asynccontextmanager
async def open_runs(
    redis: Redis, *, node: str, settings: RunSettings, rates: RateSettings, grace: float
) -> AsyncIterator[Runs]:
    """Take runs until the block ends; those under way then have `grace` seconds to end.

    What they say in their last seconds is still written, since the registry is left first.
    """
    runs = build_runs(redis, node=node, settings=settings, rates=rates)
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(runs.flusher.flushing())
        await opened.enter_async_context(runs.keeper.keeping())
        await opened.enter_async_context(runs.orders.listening())
        await opened.enter_async_context(runs.registry.accepting(grace=grace))
        yield runs
