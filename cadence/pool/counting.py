"""What the pool counts of itself, and what it tells of it."""

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from cadence.pool.stock import SharedCounts

# As many of the last builds make up the percentiles.
REMEMBERED_BUILDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatistics:
    """What a pool holds, and what it has done since the process began.

    `draining` are out of service and wait for their last turn to end. Durations are those of the
    last builds, in ms.
    """

    hot: int
    warm: int
    draining: int
    shared: SharedCounts
    hits: int
    misses: int
    builds: int
    build_failures: int
    evictions: int
    build_ms_p50: float | None
    build_ms_p95: float | None


class PoolCounters:
    """Counts; a build is counted when it ends, as one that succeeded or as one that failed."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.evictions = 0
        self._builds = 0
        self._failures = 0
        self._seconds: deque[float] = deque(maxlen=REMEMBERED_BUILDS)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Count and time one build; one that is cancelled is neither of the two."""
        began = perf_counter()
        try:
            yield
        except Exception:
            self._failures += 1
            raise
        self._builds += 1
        self._seconds.append(perf_counter() - began)

    def statistics(
        self, *, hot: int, warm: int, draining: int, shared: SharedCounts
    ) -> PoolStatistics:
        """Return the counts as of now, beside what there is."""
        return PoolStatistics(
            hot=hot,
            warm=warm,
            draining=draining,
            shared=shared,
            hits=self.hits,
            misses=self.misses,
            builds=self._builds,
            build_failures=self._failures,
            evictions=self.evictions,
            build_ms_p50=self._milliseconds(0.5),
            build_ms_p95=self._milliseconds(0.95),
        )

    def _milliseconds(self, share: float) -> float | None:
        """Return the duration that this share of builds did not exceed; None before the first."""
        ordered = sorted(self._seconds)
        if not ordered:
            return None
        return round(ordered[math.ceil(share * len(ordered)) - 1] * 1000, 1)
