"""How much the plugins of each organization have carried today."""

from datetime import date

from cadence.kernel.clock import Clock

# A plugin that asks a service hundreds of times an hour stays far below; one that carries a
# database away does not. Counted in each process for itself: a bound, and not an account.
BYTES_A_DAY = 1024 * 1024 * 1024


class DayBytes:
    """Counts bytes by organization; every day (UTC) begins with nothing."""

    def __init__(self, clock: Clock, *, limit: int = BYTES_A_DAY) -> None:
        self._clock = clock
        self._limit = limit
        self._day: date | None = None
        self._carried: dict[str, int] = {}

    def is_spent(self, organization: str) -> bool:
        """Whether an organization has carried all that it may today."""
        self._turn_the_page()
        return self._carried.get(organization, 0) >= self._limit

    def add(self, organization: str, count: int) -> None:
        """Count what has been carried."""
        self._turn_the_page()
        self._carried[organization] = self._carried.get(organization, 0) + count

    def _turn_the_page(self) -> None:
        today = self._clock.now().date()
        if today != self._day:
            self._day = today
            self._carried.clear()
