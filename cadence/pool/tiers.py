"""The tiers of orchestrators, and who moves down when, decided without touching anything."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

Held = TypeVar("Held")


class Tier(StrEnum):
    """How ready an orchestrator is.

    Cold: known by id only. Warm: its configuration is in memory. Hot: built and ready.
    """

    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


def pick_evicted(idle: Iterable[Held], *, is_busy: Callable[[Held], bool]) -> Held | None:
    """Return who leaves the hot tier next, or None when nobody may.

    `idle` are those that no turn uses, least recently used first. A busy one is being built anew,
    which is on behalf of somebody who is about to use it.
    """
    return next((held for held in idle if not is_busy(held)), None)


def pick_cooled(
    unused_since: Mapping[Held, datetime], *, now: datetime, warm_for: timedelta
) -> list[Held]:
    """Return who has been warm and unused for so long that it goes cold."""
    return [held for held, since in unused_since.items() if has_passed(since, now, after=warm_for)]


def has_passed(since: datetime, now: datetime, *, after: timedelta) -> bool:
    """Tell whether so much time has passed; all of it has when the clock was set back since."""
    return not timedelta(0) <= now - since < after
