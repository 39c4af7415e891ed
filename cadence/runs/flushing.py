"""Makes durable what all runs of this process say, in one round trip for all that have news."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from cadence.config.settings import RunSettings
from cadence.kernel.ids import OrganizationId, RunId
from cadence.runs.beside import beside
from cadence.runs.commands import news_of, opening_of
from cadence.runs.errors import RunTaken
from cadence.runs.registry import StopReason
from cadence.runs.scripts import FLUSH, MISSING, TAKEN
from cadence.runs.tail import RunTail
from cadence.runs.writing import RunWriter

log = structlog.get_logger(__name__)

# Seconds between two attempts while Redis is away.
FIRST_RETRY = 0.05
LAST_RETRY = 0.5
# The flusher rests as long as it has worked, at most these seconds: under load it then takes half
# of the process's time at most, and what waits meanwhile is joined.
LONGEST_REST = 0.025
# Seconds that a run's keys outlive its longest time; only a run that nobody finishes needs them.
SPARE_SECONDS = 600

Stop = Callable[[RunId, StopReason], bool]


class RunFlusher:
    """Holds the writers of this process's runs and tells Redis what they have."""

    def __init__(self, redis: Redis, *, node: str, settings: RunSettings, stop: Stop) -> None:
        self._redis = redis
        self.node = node
        self.keep_seconds = settings.keep_seconds
        self.max_bytes = settings.max_bytes
        self.live_seconds = int(settings.max_seconds) + settings.keep_seconds + SPARE_SECONDS
        self._stop = stop
        self._held: dict[RunId, RunWriter] = {}
        self._marked: dict[RunId, RunWriter] = {}
        self._to_open: set[RunId] = set()
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()
        self._flush_sha = ""
        self._is_away = False

    @property
    def held(self) -> Sequence[RunWriter]:
        """The runs that are under way here."""
        return tuple(self._held.values())

    def is_holding(self, run_id: RunId) -> bool:
        """Whether the run is under way here."""
        return run_id in self._held

    def find_tail(self, organization_id: OrganizationId, run_id: RunId) -> RunTail | None:
        """Return where a run of this process may be read, or None when it is none."""
        writer = self._held.get(run_id)
        if writer is None or writer.record.organization_id != organization_id:
            return None
        return writer.tail

    def hold(self, writer: RunWriter) -> None:
        """Flush this one too, from now on."""
        self._held[writer.run_id] = writer

    def drop(self, writer: RunWriter) -> None:
        """Flush it no more."""
        if self._held.get(writer.run_id) is writer:
            del self._held[writer.run_id]
        self._marked.pop(writer.run_id, None)
        self._to_open.discard(writer.run_id)
        writer.tail.close()

    def mark(self, writer: RunWriter) -> None:
        """Note that a writer has news."""
        self._marked[writer.run_id] = writer
        self._news.set()
        if writer.is_urgent:
            self._hurry.set()

    def let_go(self, run_id: RunId) -> None:
        """Hold a run no more whose task has ended without a final event: it is broken.

        `RunRescuer` then finishes it, as it does those of other nodes.
        """
        writer = self._held.get(run_id)
        if writer is not None and not writer.is_final_said:
            self.drop(writer)

    def lose(self, writer: RunWriter) -> None:
        """Note that another process has finished the run."""
        log.warning("run_taken", run_id=writer.run_id)
        self.drop(writer)
        writer.fail(RunTaken())
        self._stop(writer.run_id, StopReason.TAKEN)

    def restore(self, writer: RunWriter) -> None:
        """Note that Redis has forgotten the run."""
        self._to_open.add(writer.run_id)
        writer.rewind()
        self.mark(writer)

    @asynccontextmanager
    async def flushing(self) -> AsyncIterator[None]:
        """Flush until the block ends."""
        async with beside(self._flush_for_ever()):
            yield

    async def flush(self) -> bool:
        """Flush once what all have; False when all of it has to be tried again."""
        return await self._has_flushed(tuple(self._marked.values()))

    async def _flush_for_ever(self) -> None:
        loop, retry = asyncio.get_running_loop(), FIRST_RETRY
        while True:
            await self._news.wait()
            self._news.clear()
            began = loop.time()
            if await self.flush():
                retry = FIRST_RETRY
                await self._rest(min(loop.time() - began, LONGEST_REST))
            else:
                await asyncio.sleep(retry)
                retry = min(2 * retry, LAST_RETRY)

    async def _rest(self, seconds: float) -> None:
        """Do nothing for so long, except for what people wait for."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while await self._is_hurried(end - loop.time()):
            urgent = [writer for writer in self._marked.values() if writer.is_urgent]
            if not await self._has_flushed(urgent):
                return

    async def _is_hurried(self, seconds: float) -> bool:
        if seconds <= 0:
            return False
        if self._hurry.is_set():
            return True
        try:
            async with asyncio.timeout(seconds):
                return await self._hurry.wait()
        except TimeoutError:
            return False

    async def _has_flushed(self, marked: Sequence[RunWriter]) -> bool:
        # Before the first wait: whoever comes in a hurry from now on is not among these.
        self._hurry.clear()
        writers = [writer for writer in marked if not self._is_over(writer)]
        for writer in marked:
            self._marked.pop(writer.run_id, None)
        try:
            await self._flush(writers)
        except Exception as failure:  # noqa: BLE001  # outermost loop; noted below
            for writer in writers:
                self.mark(writer)
            self._note_away(failure)
            return False
        self._note_back()
        return True

    def _is_over(self, writer: RunWriter) -> bool:
        if writer.is_failed:
            self.drop(writer)
        return writer.is_failed

    async def _flush(self, writers: Sequence[RunWriter]) -> None:
        if not writers:
            return
        if not self._flush_sha:
            self._flush_sha = await self._redis.script_load(FLUSH)
        # Its types do not know that a pipeline's commands wait for `execute`.
        pipeline: Any = self._redis.pipeline(transaction=False)
        to_open = self._to_open.intersection(writer.run_id for writer in writers)
        async with pipeline as said:
            for writer in writers:
                if writer.run_id in to_open:
                    said.eval(*opening_of(writer, live_seconds=self.live_seconds))
                said.evalsha(self._flush_sha, *self._news_of(writer))
            answers = iter(await said.execute(raise_on_error=False))
        for writer in writers:
            if writer.run_id in to_open and next(answers) == 0:
                self._to_open.discard(writer.run_id)
            self._heed(writer, next(answers))

    def _heed(self, writer: RunWriter, answer: object) -> None:
        if self._held.get(writer.run_id) is not writer:
            return  # it was dropped while the question was under way
        match answer:
            case NoScriptError():
                self._flush_sha = ""
                self.mark(writer)
            case Exception():
                # Its own trouble, such as a store that still loads: the others need not wait.
                log.warning("run_not_flushed", run_id=writer.run_id, error=type(answer).__name__)
                asyncio.get_running_loop().call_later(LAST_RETRY, self._mark_again, writer)
            case int() if answer == TAKEN:
                self.lose(writer)
            case int() if answer == MISSING:
                self.restore(writer)
            case int():
                writer.heed(answer)
                if writer.is_final_said and not writer.is_behind:
                    self.drop(writer)
            case _:
                raise TypeError(f"a flush was answered with a {type(answer).__name__}")

    def _mark_again(self, writer: RunWriter) -> None:
        if self._held.get(writer.run_id) is writer:
            self.mark(writer)

    def _news_of(self, writer: RunWriter) -> Sequence[Any]:
        return news_of(writer, keep_seconds=self.keep_seconds, live_seconds=self.live_seconds)

    def _note_away(self, failure: Exception) -> None:
        if self._is_away:
            return
        self._is_away = True
        if isinstance(failure, RedisError | OSError):
            log.warning("run_log_away", error=type(failure).__name__)
        else:
            log.error("flush_broke", exc_info=failure)

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            log.info("run_log_back")
