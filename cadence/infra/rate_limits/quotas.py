"""Limits, what they are counted for, and what is left of them; decided without any I/O."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many times within so many seconds; the name is told to clients."""

    name: str
    amount: int
    seconds: int = 60


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit as it is counted for one `owner`, which is short and holds nothing secret."""

    limit: Limit
    owner: str

    @property
    def key(self) -> str:
        """Return what it is counted under: without the amount, which an operator may change."""
        return f"{self.limit.name}:{self.limit.seconds}:{self.owner}"

    def halved(self) -> "Bucket":
        """Return the bucket with half of its limit, at least 1."""
        return Bucket(replace(self.limit, amount=max(1, self.limit.amount // 2)), self.owner)


@dataclass(frozen=True, slots=True)
class Window:
    """What `limits` stores of a bucket: two counters, and the seconds that each has to live.

    The current one lives twice the limit's seconds, once to be filled and once to fade out as the
    previous one.
    """

    previous: int
    previous_left: float
    current: int
    current_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How one bucket stands after a hit.

    `reset` is in seconds: until the window ends or, when nothing remains, until something does
    again. `retry_after` is that same time for a hit that was refused, and else None.
    """

    limit: Limit
    allowed: bool
    remaining: int
    reset: int
    retry_after: int | None


class RateLimiter(Protocol):
    """Counts hits; checking and counting are one step, whoever else counts at the same time."""

    async def hit(self, *buckets: Bucket) -> Sequence[Quota]:
        """Count one hit for each bucket that has room, and tell how all of them stand."""
        ...

    async def give_back(self, bucket: Bucket) -> None:
        """Take back one hit that was allowed."""
        ...

    async def clear(self, bucket: Bucket) -> None:
        """Forget all hits of a bucket."""
        ...


def quota_of(limit: Limit, window: Window, *, allowed: bool) -> Quota:
    """Work out how a bucket stands by what is stored of it after a hit."""
    fading = math.floor(window.previous * window.previous_left / limit.seconds)
    remaining = max(0, limit.amount - fading - window.current)
    wait = _window_end(limit, window) if remaining else _room_again(limit, window)
    # Up and past the very moment: whoever waits this long must not be refused again.
    reset = min(limit.seconds, math.floor(wait) + 1)
    return Quota(
        limit=limit,
        allowed=allowed,
        remaining=remaining,
        reset=reset,
        retry_after=None if allowed else reset,
    )


def _window_end(limit: Limit, window: Window) -> float:
    return max(0.0, window.current_left - limit.seconds)


def _room_again(limit: Limit, window: Window) -> float:
    """Return the seconds until one more hit would be allowed."""
    room = limit.amount - window.current
    if room <= 0 or window.previous == 0:
        return _window_end(limit, window)
    return window.previous_left - limit.seconds * room / window.previous
