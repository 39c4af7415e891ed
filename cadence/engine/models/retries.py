"""When a model call that failed before its first token is worth another try, and how soon."""

from dataclasses import dataclass

from cadence.engine.errors import (
    EngineError,
    ModelRateLimited,
    ModelUnavailable,
    ModelUnreachable,
)

_WORTH_ANOTHER_TRY = (ModelRateLimited, ModelUnavailable, ModelUnreachable)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how soon a call is tried again; times in seconds.

    Two tries more, and ten seconds at the longest, are what SECURITY.md §7.1 allows. A timeout is
    not tried again: it has already used the time there was.
    """

    tries_more: int = 2
    first_pause: float = 0.25
    longest_pause: float = 10.0

    def pause(self, error: EngineError, *, failures: int, chance: float) -> float | None:
        """Return how long to wait before the next try, or None when there shall be none.

        `failures` counts the tries so far. `chance`, from 0 to 1, spreads the tries of many callers
        over time. A provider that asks for a longer wait than we allow gets no further try.
        """
        if failures > self.tries_more or not isinstance(error, _WORTH_ANOTHER_TRY):
            return None
        doubled = self.first_pause * 2.0 ** (failures - 1)
        wait = min(doubled * (0.5 + chance), self.longest_pause)
        if error.retry_after is None:
            return wait
        if error.retry_after > self.longest_pause:
            return None
        return max(wait, error.retry_after)
