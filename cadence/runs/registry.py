"""Owns the task of every run of this process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum

import structlog

from cadence.kernel.ids import RunId
from cadence.runs.errors import ShuttingDown

log = structlog.get_logger(__name__)


class StopReason(StrEnum):
    """Why a run was stopped: somebody wished it, the process ends, another one has finished it."""

    CANCELLED = "cancelled"
    SHUTTING_DOWN = "shutting_down"
    TAKEN = "taken"


class RunScope:
    """What may be cancelled of a run: the work inside it, never the run's own ending."""

    def __init__(self) -> None:
        self._inner: asyncio.Task[Exception | None] | None = None
        self._reason: StopReason | None = None

    @property
    def reason(self) -> StopReason | None:
        """Why the work was cancelled; None when it was not."""
        return self._reason

    async def run(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do the work; False when it was cancelled before its end. Its exceptions come out."""
        if self._reason is not None:
            return False
        async with asyncio.TaskGroup() as tasks:
            self._inner = tasks.create_task(_caught(work))
        if self._inner.cancelled():
            return False
        failure = self._inner.result()
        if failure is not None:
            raise failure
        return True

    def cancel(self, reason: StopReason = StopReason.CANCELLED) -> bool:
        """Cancel the work, now or as soon as it begins; False when that was done already."""
        if self._reason is not None or (self._inner is not None and self._inner.done()):
            return False
        self._reason = reason
        if self._inner is not None:
            self._inner.cancel()
        return True


Work = Callable[[RunScope], Awaitable[None]]


class RunRegistry:
    """Starts runs, cancels them, and ends with none of them left."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._running: dict[RunId, tuple[RunScope, asyncio.Task[None]]] = {}
        self._followers: list[Callable[[RunId], None]] = []

    def __len__(self) -> int:
        return len(self._running)

    @asynccontextmanager
    async def accepting(self, *, grace: float) -> AsyncIterator[None]:
        """Take runs until the block ends, and leave when the last of them has ended.

        Those that are under way then have `grace` seconds before they are cancelled.
        """
        async with asyncio.TaskGroup() as tasks:
            self._group = tasks
            try:
                yield
            finally:
                await self.close(grace=grace)

    def require_open(self) -> None:
        """Raise `ShuttingDown` when no new run may start."""
        if self._group is None:
            raise ShuttingDown

    def start(self, run_id: RunId, work: Work) -> None:
        """Give a run its own task; `work` must end with the run's final event, come what may.

        Raises `ShuttingDown`.
        """
        if self._group is None:
            raise ShuttingDown
        scope = RunScope()
        task = self._group.create_task(_guarded(run_id, work, scope), name=f"run {run_id}")
        self._running[run_id] = (scope, task)
        task.add_done_callback(lambda _: self._forget(run_id))

    def follow(self, follower: Callable[[RunId], None]) -> None:
        """Tell this one, too, of every run whose task has ended, in order or not."""
        self._followers.append(follower)

    def is_running(self, run_id: RunId) -> bool:
        """Whether the run's task is one of this process."""
        return run_id in self._running

    def cancel(self, run_id: RunId, reason: StopReason = StopReason.CANCELLED) -> bool:
        """Ask a run to stop; False when it is not running here, or is stopping already."""
        running = self._running.get(run_id)
        return running is not None and running[0].cancel(reason)

    def _forget(self, run_id: RunId) -> None:
        self._running.pop(run_id, None)
        for follower in self._followers:
            follower(run_id)

    async def close(self, *, grace: float) -> None:
        """Take no more runs, give those under way `grace` seconds, then cancel them."""
        self._group = None
        running = list(self._running.values())
        if not running:
            return
        await asyncio.wait([task for _, task in running], timeout=grace)
        for scope, task in running:
            if not task.done():
                scope.cancel(StopReason.SHUTTING_DOWN)


async def _guarded(run_id: RunId, work: Work, scope: RunScope) -> None:
    try:
        await work(scope)
    except Exception:  # one run's fault must not take the group, and so every other run, with it
        log.exception("run_broke", run_id=run_id)


async def _caught(work: Callable[[], Awaitable[None]]) -> Exception | None:
    # Handed back and not raised, since a task group would wrap it.
    try:
        await work()
    except Exception as failure:  # noqa: BLE001  # whatever it is, `RunScope.run` raises it again
        return failure
    return None


@asynccontextmanager
async def open_run_registry(*, grace: float) -> AsyncIterator[RunRegistry]:
    """Open a registry whose runs all end before the block does."""
    registry = RunRegistry()
    async with registry.accepting(grace=grace):
        yield registry
