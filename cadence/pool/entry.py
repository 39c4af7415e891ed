"""What the pool knows of one orchestrator, and what it tells of it."""

from dataclasses import dataclass
from datetime import datetime

from cadence.pool.failures import RememberedFailure
from cadence.pool.ports import Blueprint, Key
from cadence.pool.preparation import Preparation
from cadence.pool.slot import Slot
from cadence.pool.tiers import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    """Why the last build failed, as a tenant may read it."""

    code: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEntry:
    """One orchestrator as this process has it; `build_hash` is None for a cold one."""

    tier: Tier
    build_hash: str | None = None
    is_building: bool = False
    is_leased: bool = False
    last_error: LastError | None = None


@dataclass(slots=True, eq=False)
class Entry:
    """An orchestrator that is warm or hot, is about to be, or has failed to become so.

    `unused_since` counts for those that are not hot. A place belongs to an entry that is hot or is
    being built.
    """

    key: Key
    unused_since: datetime
    blueprint: Blueprint | None = None
    slot: Slot | None = None
    preparation: Preparation | None = None
    failure: RememberedFailure | None = None
    has_place: bool = False

    @property
    def tier(self) -> Tier:
        """How ready it is now."""
        if self.slot is not None:
            return Tier.HOT
        return Tier.COLD if self.blueprint is None else Tier.WARM

    @property
    def build_hash(self) -> str | None:
        """What it is built from, or would be."""
        if self.slot is not None:
            return self.slot.build_hash
        return None if self.blueprint is None else self.blueprint.build_hash

    @property
    def is_forgettable(self) -> bool:
        """Whether there is nothing to know of it."""
        return self.tier is Tier.COLD and self.preparation is None and self.failure is None

    def show(self) -> PoolEntry:
        """Return what others may know."""
        failure = self.failure
        return PoolEntry(
            tier=self.tier,
            build_hash=self.build_hash,
            is_building=self.preparation is not None,
            is_leased=self.slot is not None and self.slot.is_leased,
            last_error=None
            if failure is None
            else LastError(code=failure.error.code, message=failure.error.message, at=failure.at),
        )
