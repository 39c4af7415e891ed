"""Every orchestrator that is not cold, and which of the hot ones may make room; without any I/O."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta

from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId
from cadence.pool.counting import PoolCounters
from cadence.pool.entry import Entry
from cadence.pool.owned_tasks import OwnedTasks
from cadence.pool.places import Places
from cadence.pool.ports import Blueprint, Key
from cadence.pool.preparation import Outcome, Preparation
from cadence.pool.slot import Built, Slot
from cadence.pool.tiers import Tier, pick_cooled, pick_evicted


class Shelf:
    """Moves orchestrators between the tiers; what leaves the hot one drains in a task of its own.

    An entry is busy while it is being prepared: then it is neither evicted nor cooled, and what is
    dropped goes as soon as that is over.
    """

    def __init__(
        self, *, max_hot: int, clock: Clock, tasks: OwnedTasks, counters: PoolCounters
    ) -> None:
        self.places = Places(max_hot, make_room=self._evict)
        self._clock = clock
        self._tasks = tasks
        self._counters = counters
        self._entries: dict[Key, Entry] = {}
        # Hot and used by no turn, least recently used first.
        self._idle: OrderedDict[Key, None] = OrderedDict()
        self._draining: set[Slot] = set()

    @property
    def entries(self) -> Sequence[Entry]:
        """All of them, as of now."""
        return list(self._entries.values())

    @property
    def draining(self) -> int:
        """How many are out of service and not closed yet."""
        return len(self._draining)

    def find(self, key: Key) -> Entry | None:
        """Return what is known of an orchestrator."""
        return self._entries.get(key)

    def add(self, key: Key) -> Entry:
        """Return its entry, made if need be, as that of one which is used now."""
        now = self._clock.now()
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Entry(key, unused_since=now)
        entry.unused_since = now
        return entry

    def of_organization(self, organization_id: OrganizationId) -> Sequence[Entry]:
        """Return the entries of one organization."""
        return [entry for entry in self.entries if entry.key[0] == organization_id]

    def lease(self, slot: Slot) -> None:
        """Count one more turn of a hot one."""
        slot.lease()
        self._idle.pop(slot.key, None)

    def release(self, slot: Slot) -> None:
        """Count one turn less."""
        slot.release()
        if not (slot.is_leased or slot.is_retired):
            self._idle[slot.key] = None
            self.places.look_again()

    def install(self, entry: Entry, blueprint: Blueprint, built: Built) -> Slot:
        """Put what has been built into service, in place of what was there before."""
        self._retire(entry)
        entry.blueprint = blueprint
        entry.failure = None
        entry.slot = Slot(entry.key, built)
        return entry.slot

    def settle(self, entry: Entry, preparation: Preparation, outcome: Outcome) -> None:
        """End a preparation: tell who waits, and see what is left of its entry."""
        entry.preparation = None
        preparation.finish(outcome)
        if preparation.is_unwanted:
            self._forget(entry)
        else:
            self._put_in_order(entry)

    def drop(self, entry: Entry) -> None:
        """Make it cold; turns under way keep what they use."""
        if entry.preparation is None:
            self._forget(entry)
            return
        entry.preparation.is_unwanted = True
        self._retire(entry)
        entry.blueprint = entry.failure = None

    def cool(self, *, warm_for: timedelta) -> None:
        """Make cold what has been warm and unused for so long."""
        resting = {
            entry.key: entry.unused_since
            for entry in self._entries.values()
            if entry.tier is not Tier.HOT and entry.preparation is None
        }
        for key in pick_cooled(resting, now=self._clock.now(), warm_for=warm_for):
            del self._entries[key]

    def _put_in_order(self, entry: Entry) -> None:
        slot = entry.slot
        if slot is None:
            self._give_place_back(entry)
            if entry.is_forgettable:
                del self._entries[entry.key]
            return
        if slot.is_leased:
            self._idle.pop(entry.key, None)
        else:
            self._idle.setdefault(entry.key)
        self.places.look_again()

    def _forget(self, entry: Entry) -> None:
        self._retire(entry)
        del self._entries[entry.key]
        self._give_place_back(entry)

    def _give_place_back(self, entry: Entry) -> None:
        if entry.has_place:
            entry.has_place = False
            self.places.give_back()

    def _evict(self) -> bool:
        key = pick_evicted(self._idle, is_busy=self._is_busy)
        if key is None:
            return False
        entry = self._entries[key]
        self._retire(entry)
        # Whoever asked takes its place.
        entry.has_place = False
        entry.unused_since = self._clock.now()
        self._counters.evictions += 1
        return True

    def _is_busy(self, key: Key) -> bool:
        return self._entries[key].preparation is not None

    def _retire(self, entry: Entry) -> None:
        slot, entry.slot = entry.slot, None
        if slot is None:
            return
        self._idle.pop(entry.key, None)
        slot.retire()
        self._draining.add(slot)
        _ = self._tasks.start(self._drain(slot), name=f"drain {entry.key[1]}")

    async def _drain(self, slot: Slot) -> None:
        try:
            await slot.drain()
        finally:
            self._draining.discard(slot)
