"""The pool as simply as it can be said: everything at once, nobody else about."""

from dataclasses import dataclass, field

from cadence.kernel.errors import CadenceError, NotFound
from cadence.pool.errors import PoolFull
from cadence.pool.ports import Key
from cadence.pool.tiers import Tier
from tests.unit.pool.workshop import Broken

Told = type[CadenceError] | None


@dataclass(eq=False)
class ModelSlot:
    """One built orchestrator and its turns."""

    key: Key
    build_hash: str
    leases: int = 0


@dataclass
class Failure:
    """What was wrong, how often in a row, and when last."""

    build_hash: str
    times: int
    at: float

    def stands(self, build_hash: str, now: float) -> bool:
        pause = min(60, 2 ** (self.times - 1))
        return self.build_hash == build_hash and now < self.at + pause


@dataclass
class Known:
    """What is known of one orchestrator; without a slot a hash means that it is warm."""

    since: float
    build_hash: str | None = None
    slot: ModelSlot | None = None
    failure: Failure | None = None


@dataclass
class PoolModel:
    """Every call changes it, and returns what the caller is told."""

    max_hot: int
    warm_seconds: float
    hashes: dict[Key, str]
    broken: set[str]
    now: float = 0.0
    known: dict[Key, Known] = field(default_factory=dict)
    idle: list[Key] = field(default_factory=list)
    draining: set[ModelSlot] = field(default_factory=set)
    hits: int = 0
    misses: int = 0
    reads: int = 0
    built: int = 0
    failed: int = 0
    evictions: int = 0

    def tier(self, key: Key) -> Tier:
        known = self.known.get(key)
        if known is None or known.build_hash is None:
            return Tier.COLD
        return Tier.WARM if known.slot is None else Tier.HOT

    def count(self, tier: Tier) -> int:
        return sum(self.tier(key) is tier for key in self.known)

    def lease(self, key: Key, wanted: str) -> ModelSlot | type[CadenceError]:
        slot = self._slot(key)
        if slot is not None and slot.build_hash == wanted:
            self.hits += 1
            return self._take(slot)
        self.misses += 1
        known = self._use(key)
        if known.failure is not None and known.failure.stands(wanted, self.now):
            return Broken
        told = self._prepare(key, wanted=wanted, tier=Tier.HOT)
        slot = self._slot(key)
        return told or self._take(slot)  # type: ignore[arg-type]  # told nothing means built

    def release(self, slot: ModelSlot) -> None:
        slot.leases -= 1
        if slot.leases:
            return
        if slot in self.draining:
            self.draining.remove(slot)
        else:
            self.idle.append(slot.key)

    def load(self, key: Key, tier: Tier) -> Told:
        self._use(key)
        told = self._prepare(key, wanted=None, tier=max(tier, self.tier(key), key=list(Tier).index))
        return told if told is PoolFull else None

    def reload(self, key: Key) -> Told:
        known = self.known.get(key)
        if known is None:
            return None
        current = self.hashes.get(key)
        if current is None:
            self.unload(key)
            return None
        self._forget_failure_of_another(known, current)
        if known.build_hash in {None, current}:
            return None
        told = self._prepare(key, wanted=current, tier=self.tier(key))
        return told if told is PoolFull else None

    def unload(self, key: Key) -> None:
        self._retire(key)
        self.known.pop(key, None)

    def cool(self) -> None:
        for key, known in list(self.known.items()):
            if known.slot is None and self.now >= known.since + self.warm_seconds:
                del self.known[key]

    def _prepare(self, key: Key, *, wanted: str | None, tier: Tier) -> Told:
        known = self.known[key]
        current = self._read(key, wanted)
        if current is None:
            self.unload(key)
            return NotFound
        self._forget_failure_of_another(known, current)
        if known.slot is not None and known.slot.build_hash == current:
            return None
        if known.slot is None:
            known.build_hash = current
        if tier is Tier.WARM:
            return None
        if known.failure is not None and known.failure.stands(current, self.now):
            return Broken
        if known.slot is None and not self._make_room():
            return PoolFull
        return self._build(key, current)

    def _read(self, key: Key, wanted: str | None) -> str | None:
        known = self.known[key]
        if wanted is not None and known.build_hash == wanted:
            return wanted
        self.reads += 1
        return self.hashes.get(key)

    def _make_room(self) -> bool:
        if self.count(Tier.HOT) < self.max_hot:
            return True
        if not self.idle:
            return False
        key = self.idle[0]
        self._retire(key)
        self.known[key].since = self.now
        self.evictions += 1
        return True

    def _build(self, key: Key, current: str) -> Told:
        known = self.known[key]
        if current in self.broken:
            self.failed += 1
            before = known.failure
            times = before.times + 1 if before and before.build_hash == current else 1
            known.failure = Failure(current, times, self.now)
            return Broken
        self.built += 1
        self._retire(key)
        known.build_hash, known.failure = current, None
        known.slot = ModelSlot(key, current)
        self.idle.append(key)
        return None

    def _take(self, slot: ModelSlot) -> ModelSlot:
        slot.leases += 1
        if slot.key in self.idle:
            self.idle.remove(slot.key)
        return slot

    def _retire(self, key: Key) -> None:
        slot = self._slot(key)
        if slot is None:
            return
        self.known[key].slot = None
        if slot.leases:
            self.draining.add(slot)
        else:
            self.idle.remove(key)

    def _slot(self, key: Key) -> ModelSlot | None:
        known = self.known.get(key)
        return None if known is None else known.slot

    def _use(self, key: Key) -> Known:
        known = self.known.setdefault(key, Known(since=self.now))
        known.since = self.now
        return known

    def _forget_failure_of_another(self, known: Known, current: str) -> None:
        if known.failure is not None and known.failure.build_hash != current:
            known.failure = None
