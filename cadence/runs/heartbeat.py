"""Tells a reader that nothing has happened for a while."""

import asyncio


class Heartbeat:
    """One timer that is put off, since a new one for every event would be most of a reader's cost.

    `stop` it at the end.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._due = self._loop.time() + seconds
        self._waiter: asyncio.Future[None] | None = None
        self._timer = self._loop.call_at(self._due, self._tick)

    @property
    def is_due(self) -> bool:
        """Whether it is time for a sign of life."""
        return self.left <= 0

    @property
    def left(self) -> float:
        """Seconds until then."""
        return self._due - self._loop.time()

    def put_off(self) -> None:
        """Count from now again."""
        self._due = self._loop.time() + self._seconds

    async def wait(self, waiter: "asyncio.Future[None]") -> None:
        """Wait for it, or for the time of the next beat."""
        self._waiter = waiter
        try:
            await waiter
        finally:
            self._waiter = None

    def stop(self) -> None:
        """Beat no more."""
        self._timer.cancel()

    def _tick(self) -> None:
        if self.is_due and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        # A beat that nobody waited for is found due by whoever asks; the next look is for the next.
        next_look = self._due if not self.is_due else self._loop.time() + self._seconds
        self._timer = self._loop.call_at(next_look, self._tick)
