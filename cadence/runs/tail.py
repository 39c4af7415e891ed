"""The newest events of a run of this process, for readers in the same process."""

import asyncio
from collections import deque
from collections.abc import Iterable

from cadence.runs.logged import LoggedEvent

# Bytes kept of one run, 50 MiB for 200 of them; a reader further behind reads from Redis.
KEPT_BYTES = 262_144
# What an event costs besides its data.
EVENT_BYTES = 200


class RunTail:
    """Holds what Redis has already: a reader must not know more than its next node will."""

    def __init__(self, last: int = 0) -> None:
        self._kept: deque[LoggedEvent] = deque()
        self._size = 0
        self._last = last
        self._waiters: set[asyncio.Future[None]] = set()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing comes any more; the rest, if any, is in Redis."""
        return self._is_closed

    @property
    def last(self) -> int:
        """The id of the newest event that readers may know."""
        return self._last

    @property
    def first(self) -> int:
        """The id of the oldest event that is still here, or of the next one when there is none."""
        return self._kept[0].id if self._kept else self._last + 1

    @property
    def kept(self) -> Iterable[LoggedEvent]:
        """What is still here, oldest first."""
        return self._kept

    def publish(self, events: Iterable[LoggedEvent]) -> None:
        """Show these to the readers."""
        for event in events:
            self._kept.append(event)
            self._size += len(event.data) + EVENT_BYTES
            self._last = event.id
        while self._size > KEPT_BYTES and len(self._kept) > 1:
            self._size -= len(self._kept.popleft().data) + EVENT_BYTES
        self._wake()

    def close(self) -> None:
        """Send readers elsewhere."""
        self._is_closed = True
        self._wake()

    def has_forgotten(self, after: int) -> bool:
        """Whether what follows this id is here no more."""
        return after + 1 < self.first

    def since(self, after: int) -> list[LoggedEvent]:
        """Return all that follows this id and is here."""
        newer: list[LoggedEvent] = []
        for event in reversed(self._kept):
            if event.id <= after:
                break
            newer.append(event)
        newer.reverse()
        return newer

    def waiter(self) -> "asyncio.Future[None]":
        """Return what is done when there may be more; give it to `leave` afterwards."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        return waiter

    def leave(self, waiter: "asyncio.Future[None]") -> None:
        """Wait no more."""
        self._waiters.discard(waiter)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
