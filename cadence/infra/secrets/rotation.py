"""Brings every stored secret under the primary key: in short steps, resumable at any of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cadence.infra.secrets.sealing import SecretUnreadable, kid_of

# Stands for the kid of a text that nobody has sealed; no kid is written like it.
NO_KID = "?"
BATCH_ROWS = 500
# Seconds between two batches: SQLite's waiting writers look for the lock at most so far apart, so
# each of them gets its turn.
BREATH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one batch did: texts that moved by the kid they had, texts that do not open by row.

    `last` is the row after which the next batch begins, or None when there is nothing after it.
    """

    last: str | None
    moved: Counter[str]
    unreadable: Mapping[str, int]


class SealedPlace(Protocol):
    """Where sealed texts are kept; every call is a transaction of its own.

    `texts` names them in the plural, `row` what holds them in the singular.
    """

    @property
    def texts(self) -> str:
        """E.g. `LLM config keys`."""
        ...

    @property
    def row(self) -> str:
        """E.g. `LLM config`."""
        ...

    async def count_by_kid(self, *, but: Collection[str] = ()) -> Counter[str]:
        """Count the texts under each key other than `but`, `NO_KID` for what is none of ours."""
        ...

    async def reseal_batch(self, *, after: str | None) -> Step:
        """Reseal up to `BATCH_ROWS` rows behind `after`; leaves out rows that others have locked.

        Nothing but the sealed text changes: no version, no time, no hash.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One run over every place; `tell` is given a line for each step.

    A pass that moves nothing although rows are left has found them locked: `patience` such passes
    in a row, `wait` seconds apart, and the rotation ends without them.
    """

    places: Sequence[SealedPlace]
    primary: str
    tell: Callable[[str], None]
    breath: float = BREATH
    patience: int = 30
    wait: float = 1.0

    async def run(self) -> bool:
        """Return whether nothing but the primary is left."""
        return all([await self._rotate(place) for place in self.places])

    async def _rotate(self, place: SealedPlace) -> bool:
        told: set[str] = set()
        left = await place.count_by_kid(but=[self.primary])
        patience = self.patience
        while left.total():
            moved, unreadable = await self._pass(place, left, told)
            left = await place.count_by_kid(but=[self.primary])
            if left.total() <= unreadable:
                break
            patience = self.patience if moved else patience - 1
            if patience <= 0:
                self.tell(f"{place.texts}: the rest is locked by others; run this again.")
                break
            await asyncio.sleep(self.breath if moved else self.wait)
        self.tell(f"{place.texts}: {amounts(left)} left under other keys than {self.primary}.")
        return not left.total()

    async def _pass(
        self, place: SealedPlace, left: Counter[str], told: set[str]
    ) -> tuple[int, int]:
        """Walk once from the first row to the last; returns how many moved and cannot move."""
        moved = unreadable = 0
        after: str | None = None
        while True:
            step = await place.reseal_batch(after=after)
            moved += step.moved.total()
            unreadable += sum(step.unreadable.values())
            self._tell_of(place, step, left, told=told)
            if step.last is None:
                return moved, unreadable
            after = step.last
            await asyncio.sleep(self.breath)

    def _tell_of(
        self, place: SealedPlace, step: Step, left: Counter[str], *, told: set[str]
    ) -> None:
        left.subtract(step.moved)
        if step.moved:
            done = step.moved.total()
            self.tell(f"{place.texts}: {done} brought under {self.primary}; {amounts(left)} left.")
        for row in sorted(step.unreadable.keys() - told):
            told.add(row)
            self.tell(f"{place.row} {row}: what is sealed there cannot be opened; left as it is.")


def amounts(counted: Mapping[str, int]) -> str:
    """Say how many texts are under which key, in the order of the kids."""
    return ", ".join(f"{kid} {count}" for kid, count in sorted(counted.items()) if count) or "none"


async def count_kids(texts: AsyncIterator[str]) -> Counter[str]:
    """Count stored texts by their kid, holding none of them."""
    counted: Counter[str] = Counter()
    async for text in texts:
        counted[find_kid(text)] += 1
    return counted


def find_kid(sealed: str) -> str:
    """Return the kid of a stored text, or `NO_KID`."""
    try:
        return kid_of(sealed)
    except SecretUnreadable:
        return NO_KID
