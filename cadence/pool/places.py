"""The places of built orchestrators: so many and no more, and a line of those who wait for one."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from cadence.pool.errors import PoolFull


class Places:
    """Counts places; `make_room` frees one for whoever asks, or says that it cannot."""

    def __init__(self, count: int, *, make_room: Callable[[], bool]) -> None:
        self._free = count
        self._make_room = make_room
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def has_free(self) -> bool:
        """Whether a place is free without anybody making room."""
        return self._free > 0

    async def take(self, *, within: float) -> None:
        """Take a place, after those who wait already; raises `PoolFull` after so many seconds."""
        if not self._line and self._try():
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(waiting)
        try:
            async with asyncio.timeout(within):
                await waiting
        except TimeoutError:
            # It may have been given at the last moment.
            if not self._leave(waiting):
                raise PoolFull from None
        except asyncio.CancelledError:
            if self._leave(waiting):
                self.give_back()
            raise

    def give_back(self) -> None:
        """Free a place."""
        self._free += 1
        self.look_again()

    def look_again(self) -> None:
        """Serve the line: somebody may make room now."""
        while self._line:
            if self._line[0].done():  # gone, and about to leave the line
                del self._line[0]
            elif self._try():
                self._line.popleft().set_result(None)
            else:
                return

    def _leave(self, waiting: asyncio.Future[None]) -> bool:
        """Leave the line; True when the place had already been given."""
        with suppress(ValueError):
            self._line.remove(waiting)
        return not waiting.cancelled()

    def _try(self) -> bool:
        if self._free > 0:
            self._free -= 1
            return True
        return self._make_room()
