"""Leaves alone for a while what crashes again and again."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

# Seconds in which crashes count together.
WINDOW: Final = 60.0


class Quarantine:
    """Counts crashes; `crashes` within a minute mean a rest of `rest` seconds.

    `now` is a clock in seconds that only goes forward.
    """

    def __init__(self, *, crashes: int, rest: float, now: Callable[[], float]) -> None:
        self._crashes = crashes
        self._rest = rest
        self._now = now
        self._seen: dict[Hashable, deque[float]] = {}
        self._until: dict[Hashable, float] = {}

    def note(self, key: Hashable) -> bool:
        """Count a crash, and tell whether it was one too many."""
        now = self._now()
        seen = self._seen.setdefault(key, deque(maxlen=self._crashes))
        seen.append(now)
        if len(seen) < self._crashes or now - seen[0] > WINDOW:
            return False
        del self._seen[key]
        self._until[key] = now + self._rest
        return True

    def seconds_left(self, key: Hashable) -> float:
        """Return how long something rests from now; 0 when it does not."""
        left = self._until.get(key, 0.0) - self._now()
        if left <= 0:
            self._until.pop(key, None)
            return 0.0
        return left

    def forget_old(self) -> None:
        """Drop what can no longer count."""
        now = self._now()
        self._seen = {key: seen for key, seen in self._seen.items() if seen[-1] > now - WINDOW}
        self._until = {key: until for key, until in self._until.items() if until > now}
