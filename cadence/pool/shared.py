"""What runtimes of one organization share: counted, and never seen by another organization."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from cadence.kernel.ids import OrganizationId

T = TypeVar("T")


class PartKind(StrEnum):
    """What can be shared."""

    MODEL = "model"
    PLUGIN = "plugin"
    TEMPLATE = "template"


class PartKey(NamedTuple):
    """Which part: the organization's first of all, then everything that makes parts differ."""

    organization_id: OrganizationId
    kind: PartKind
    traits: tuple[Hashable, ...]


@dataclass(slots=True, eq=False)
class Share(Generic[T]):
    """One part, and how many hold it."""

    key: PartKey
    value: T
    holders: int = 0


class SharedParts(Generic[T]):
    """Parts of one kind by key; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shares: dict[PartKey, Share[T]] = {}

    def __len__(self) -> int:
        return len(self._shares)

    def take(self, key: PartKey, make: Callable[[], T]) -> Share[T]:
        """Return the part and count one holder more; it is made when nobody holds it."""
        with self._lock:
            share = self._shares.get(key)
            if share is None:
                share = self._shares[key] = Share(key, make())
            share.holders += 1
            return share

    def give_back(self, share: Share[T]) -> bool:
        """Count one holder less; True when that was the last, who then closes the part."""
        with self._lock:
            share.holders -= 1
            if share.holders == 0:
                self._forget(share)
            return share.holders == 0

    def withdraw(self, share: Share[T]) -> None:
        """Lend a part to nobody else, as it turned out to be broken; holders still give it back."""
        with self._lock:
            self._forget(share)

    def _forget(self, share: Share[T]) -> None:
        if self._shares.get(share.key) is share:
            del self._shares[share.key]
