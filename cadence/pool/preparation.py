"""One orchestrator that is being made warm or hot, and those who wait for it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cadence.kernel.errors import CadenceError
from cadence.pool.failures import afresh
from cadence.pool.slot import Slot
from cadence.pool.tiers import Tier

Outcome = Slot | CadenceError | None


class Preparation:
    """There is one at a time for each orchestrator, whoever asks.

    Those who wait may go away. The last of them ends what has not begun to build: nobody else would
    want the place that it waits for. A build goes on: plugins' threads cannot be stopped half-way,
    and whoever was cut off usually asks again.

    `wanted` is the hash that it was started for, None for whatever is current; `build_hash` is the
    one that it turned out to be. `will_read` says that it has yet to look at the database; one that
    starts from what is in memory never does.
    """

    def __init__(self, *, wanted: str | None, tier: Tier, will_read: bool) -> None:
        self.wanted = wanted
        self.tier = tier
        self.will_read = will_read
        self.build_hash: str | None = None
        self.has_begun_building = False
        self.is_unwanted = False
        self.is_given_up = False
        self.failure: CadenceError | None = None
        self._end: Callable[[], object] | None = None
        self._interested = 0
        self._waiting: list[asyncio.Future[Slot]] = []
        self._over = asyncio.Event()

    def begin(self, *, end: Callable[[], object]) -> None:
        """Say how it is ended before its time."""
        self._end = end

    def give_up(self) -> None:
        """End it before its time."""
        self.is_given_up = True
        if self._end is not None:
            self._end()

    def will_serve(self, build_hash: str) -> bool:
        """Tell whether who needs this hash may wait for it.

        It was started by somebody who had seen the same hash, or it will read the database only
        now: what it builds is then at least as new as what the asker has read.
        """
        if self.tier is not Tier.HOT or self.is_given_up:
            return False
        return build_hash in {self.wanted, self.build_hash} or self.will_read

    async def join(self, release: Callable[[Slot], None]) -> Slot:
        """Wait for the built one, which is leased for the caller; raises why there is none."""
        waiting: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            with self._taking_interest():
                return await waiting
        except asyncio.CancelledError:
            # It may have been lent at the last moment.
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                release(waiting.result())
            raise

    async def over(self) -> None:
        """Wait for the end, whatever it is."""
        with self._taking_interest():
            await self._over.wait()

    def finish(self, outcome: Outcome) -> None:
        """Lend the built one to everybody who waits, or tell them why there is none.

        Nobody waits for a warm one, for which there is nothing to tell.
        """
        waiting, self._waiting = self._waiting, []
        if isinstance(outcome, CadenceError):
            self.failure = outcome
        for each in waiting:
            if each.done():
                continue
            if isinstance(outcome, Slot):
                outcome.lease()
                each.set_result(outcome)
            elif outcome is not None:
                each.set_exception(afresh(outcome))
        self._over.set()

    @contextmanager
    def _taking_interest(self) -> Iterator[None]:
        self._interested += 1
        try:
            yield
        finally:
            self._interested -= 1
            if not (self._interested or self.has_begun_building or self._over.is_set()):
                self.give_up()
