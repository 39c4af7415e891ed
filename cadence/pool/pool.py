"""Lends built orchestrators to turns: built once, kept while used lately, replaced when changed."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from cadence.config.settings import PoolSettings
from cadence.infra.away import StoreUnavailable
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.counting import PoolCounters, PoolStatistics
from cadence.pool.entry import Entry, PoolEntry
from cadence.pool.errors import PoolClosed, PoolFull
from cadence.pool.failures import afresh
from cadence.pool.owned_tasks import OwnedTasks
from cadence.pool.ports import BlueprintSource, Key
from cadence.pool.preparing import Build, Preparer
from cadence.pool.shelf import Shelf
from cadence.pool.slot import Built, Slot
from cadence.pool.stock import Stock
from cadence.pool.tiers import Tier

# Seconds that closing waits for what still drains; turns have ended by then.
CLOSE_WITHIN = 10.0

# None of them is the orchestrator's own fault, so that whoever asked for it may ask again.
PASSING = (PoolClosed, PoolFull, StoreUnavailable)

log = structlog.get_logger(__name__)


class Pool:
    """At most `max_hot` built orchestrators, and the blueprints of those that were used lately.

    What has been replaced drains beside them until its last turn has ended. `stock` is what the
    built ones share, for the statistics.
    """

    def __init__(
        self,
        source: BlueprintSource,
        build: Build,
        *,
        settings: PoolSettings,
        clock: Clock,
        stock: Stock,
    ) -> None:
        self._source = source
        self._settings = settings
        self._stock = stock
        self._counters = PoolCounters()
        self._tasks = OwnedTasks()
        self._shelf = Shelf(
            max_hot=settings.max_hot, clock=clock, tasks=self._tasks, counters=self._counters
        )
        self._preparer = Preparer(
            source,
            build,
            shelf=self._shelf,
            settings=settings,
            clock=clock,
            tasks=self._tasks,
            counters=self._counters,
        )
        self._is_closed = False

    def __len__(self) -> int:
        return sum(entry.tier is Tier.HOT for entry in self._shelf.entries)

    @asynccontextmanager
    async def lease(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId, *, build_hash: str
    ) -> AsyncIterator[Built]:
        """Lend what was built from `build_hash`, or from what is newer; built when there is none.

        Whoever asks while it is being built waits for the same build. The runtime is never closed
        before the block ends. Raises what the build raises, which is then remembered for a while;
        `PoolFull`; `PoolClosed`.
        """
        slot = await self._lease((organization_id, orchestrator_id), build_hash)
        try:
            yield slot.built
        finally:
            self._shelf.release(slot)

    async def load(self, key: Key, tier: Tier) -> None:
        """Make an orchestrator as warm or hot as asked, as it is configured now; never cooler.

        One that cannot be built is left as it is: `find` says why. Raises `PoolFull`, `PoolClosed`
        and `StoreUnavailable`.
        """
        await self._wait_until_unprepared(key)
        entry = self._shelf.add(key)
        is_hot = Tier.HOT in {tier, entry.tier}
        await self._prepare(entry, wanted=None, tier=Tier.HOT if is_hot else Tier.WARM)

    async def reload(self, key: Key) -> None:
        """Follow a change of what is warm or hot; nothing happens when its hash is the same.

        A hot one is built anew beside the old one, which then finishes its turns. When that fails,
        the old one stays for whoever still needs its hash. Raises like `load`.
        """
        entry = await self._wait_until_unprepared(key)
        if entry is None:
            return
        current = (await self._source.current_hashes([key]))[key]
        # Much may have happened meanwhile.
        entry = await self._wait_until_unprepared(key)
        if entry is None:
            return
        if current is None:
            self._shelf.drop(entry)
            return
        if entry.failure is not None and entry.failure.build_hash != current:
            entry.failure = None
        if entry.tier is not Tier.COLD and entry.build_hash != current:
            await self._prepare(entry, wanted=current, tier=entry.tier)

    async def unload(self, key: Key) -> None:
        """Make an orchestrator cold; turns under way keep what they use until they end."""
        entry = self._shelf.find(key)
        if entry is not None:
            self._shelf.drop(entry)

    async def drop_organization(self, organization_id: OrganizationId) -> None:
        """Make everything of an organization cold."""
        for entry in self._shelf.of_organization(organization_id):
            self._shelf.drop(entry)

    def find(self, key: Key) -> PoolEntry:
        """Return how ready an orchestrator is, and why it is not."""
        entry = self._shelf.find(key)
        return PoolEntry(tier=Tier.COLD) if entry is None else entry.show()

    def held(self) -> Mapping[Key, PoolEntry]:
        """Return everything warm or hot."""
        return {
            entry.key: entry.show() for entry in self._shelf.entries if entry.tier is not Tier.COLD
        }

    async def list_recent(self, *, limit: int | None) -> Sequence[Key]:
        """Return what may be used at all, whatever was used last first."""
        return await self._source.list_recent(limit=limit)

    def cool(self) -> None:
        """Make cold what has been warm for long enough; the reaper calls it now and then."""
        self._shelf.cool(warm_for=timedelta(seconds=self._settings.warm_ttl_seconds))

    def stats(self) -> PoolStatistics:
        """Return what the pool holds, and has done so far."""
        tiers = [entry.tier for entry in self._shelf.entries]
        return self._counters.statistics(
            hot=tiers.count(Tier.HOT),
            warm=tiers.count(Tier.WARM),
            draining=self._shelf.draining,
            shared=self._stock.counts,
        )

    async def close(self) -> None:
        """Build nothing any more and close everything; turns must have ended."""
        self._is_closed = True
        for entry in self._shelf.entries:
            if entry.preparation is not None:
                entry.preparation.give_up()
            self._shelf.drop(entry)
        left = await self._tasks.end(within=CLOSE_WITHIN)
        if left:
            log.warning("pool_closed_in_use", runtimes=left)

    async def _lease(self, key: Key, build_hash: str) -> Slot:
        slot = self._find_ready(key, build_hash)
        if slot is not None:
            self._counters.hits += 1
            return slot
        self._counters.misses += 1
        while True:
            self._require_open()
            entry = self._shelf.add(key)
            self._preparer.require_untroubled(entry, build_hash)
            preparation = entry.preparation or self._preparer.start(
                entry, wanted=build_hash, tier=Tier.HOT
            )
            if preparation.will_serve(build_hash):
                return await preparation.join(self._shelf.release)
            await preparation.over()
            slot = self._find_ready(key, build_hash)
            if slot is not None:
                return slot

    def _find_ready(self, key: Key, build_hash: str) -> Slot | None:
        entry = self._shelf.find(key)
        slot = None if entry is None else entry.slot
        if slot is None or slot.build_hash != build_hash:
            return None
        # Leased before anything else may run, so that no eviction can come in between.
        self._shelf.lease(slot)
        return slot

    async def _wait_until_unprepared(self, key: Key) -> Entry | None:
        while True:
            self._require_open()
            entry = self._shelf.find(key)
            if entry is None or entry.preparation is None:
                return entry
            await entry.preparation.over()

    async def _prepare(self, entry: Entry, *, wanted: str | None, tier: Tier) -> None:
        preparation = self._preparer.start(entry, wanted=wanted, tier=tier)
        await preparation.over()
        if isinstance(preparation.failure, PASSING):
            raise afresh(preparation.failure)

    def _require_open(self) -> None:
        if self._is_closed:
            raise PoolClosed
