"""Makes one orchestrator warm or hot: read, given a place, built, put into service."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cadence.config.settings import PoolSettings
from cadence.infra.away import find_store_away
from cadence.kernel.clock import Clock
from cadence.kernel.errors import CadenceError, NotFound
from cadence.pool.counting import PoolCounters
from cadence.pool.entry import Entry
from cadence.pool.errors import BuildBroke, PoolClosed
from cadence.pool.failures import afresh, remember
from cadence.pool.gate import BuildGate
from cadence.pool.owned_tasks import OwnedTasks
from cadence.pool.ports import Blueprint, BlueprintSource
from cadence.pool.preparation import Outcome, Preparation
from cadence.pool.shelf import Shelf
from cadence.pool.slot import Built, Slot
from cadence.pool.tiers import Tier

Build = Callable[[Blueprint], Awaitable[Built]]

log = structlog.get_logger(__name__)


class Preparer:
    """Reads from `source` and builds with `build`, so many at once, each in a task of its own."""

    def __init__(
        self,
        source: BlueprintSource,
        build: Build,
        *,
        shelf: Shelf,
        settings: PoolSettings,
        clock: Clock,
        tasks: OwnedTasks,
        counters: PoolCounters,
    ) -> None:
        self._source = source
        self._build = build
        self._shelf = shelf
        self._gate = BuildGate(settings.builds)
        self._wait_seconds = settings.wait_seconds
        self._clock = clock
        self._tasks = tasks
        self._counters = counters

    def start(self, entry: Entry, *, wanted: str | None, tier: Tier) -> Preparation:
        """Begin to make it as warm or hot, from what has the `wanted` hash or is newer."""
        will_read = _find_kept(entry, wanted) is None
        preparation = Preparation(wanted=wanted, tier=tier, will_read=will_read)
        entry.preparation = preparation
        work = self._prepare(entry, preparation)
        task = self._tasks.start(work, name=f"prepare {entry.key[1]}")
        preparation.begin(end=task.cancel)
        # A task that is cancelled before its first step runs nothing of its own, so it is settled
        # by whoever sees its end.
        task.add_done_callback(
            lambda done: self._shelf.settle(entry, preparation, _outcome_of(done))
        )
        return preparation

    def require_untroubled(self, entry: Entry, build_hash: str) -> None:
        """Raise why building from this hash failed, if that is not long ago."""
        failure = entry.failure
        if failure is not None and failure.stands(build_hash, self._clock.now()):
            raise afresh(failure.error)

    async def _prepare(self, entry: Entry, preparation: Preparation) -> Outcome:
        try:
            return await self._make(entry, preparation)
        except NotFound as gone:
            preparation.is_unwanted = True
            return gone
        except CadenceError as failure:
            return failure

    async def _make(self, entry: Entry, preparation: Preparation) -> Slot | None:
        blueprint = await self._read(entry, preparation)
        preparation.build_hash = blueprint.build_hash
        if entry.failure is not None and entry.failure.build_hash != blueprint.build_hash:
            entry.failure = None
        if entry.slot is not None and entry.slot.build_hash == blueprint.build_hash:
            return entry.slot
        if entry.slot is None:
            entry.blueprint = blueprint
        if preparation.tier is not Tier.HOT:
            return None
        self.require_untroubled(entry, blueprint.build_hash)
        return await self._make_hot(entry, preparation, blueprint)

    async def _make_hot(self, entry: Entry, preparation: Preparation, blueprint: Blueprint) -> Slot:
        if not entry.has_place:
            await self._shelf.places.take(within=self._wait_seconds)
            entry.has_place = True
        async with self._gate.passing(blueprint.organization_id):
            preparation.has_begun_building = True
            try:
                with self._counters.building():
                    built = await self._build(blueprint)
            except Exception as failure:
                raise self._note(entry, blueprint.build_hash, failure) from failure
        return self._shelf.install(entry, blueprint, built)

    async def _read(self, entry: Entry, preparation: Preparation) -> Blueprint:
        kept = _find_kept(entry, preparation.wanted)
        if kept is not None:
            return kept
        async with self._gate.passing(entry.key[0]):
            preparation.will_read = False
            try:
                return await self._source.load(*entry.key)
            except Exception as failure:
                raise self._note(entry, preparation.wanted, failure) from failure

    def _note(self, entry: Entry, build_hash: str | None, failure: Exception) -> CadenceError:
        """Remember a failure, and return what to tell those who wait."""
        error = find_store_away(failure) or failure
        if not isinstance(error, CadenceError):
            log.error("build_broke", instance=str(entry.key[1]), exc_info=failure)
            error = BuildBroke()
        entry.failure = remember(entry.failure, error, build_hash=build_hash, now=self._clock.now())
        log.warning("build_failed", instance=str(entry.key[1]), code=error.code)
        return error


def _find_kept(entry: Entry, wanted: str | None) -> Blueprint | None:
    kept = entry.blueprint
    return kept if kept is not None and kept.build_hash == wanted else None


def _outcome_of(done: asyncio.Task[Outcome]) -> Outcome:
    if done.cancelled():
        return PoolClosed()
    # Its owner logs what it broke on.
    return BuildBroke() if done.exception() is not None else done.result()
