"""Tasks that belong to an object: they end when it is closed."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from cadence.kernel.own_task import end

T = TypeVar("T")

log = structlog.get_logger(__name__)

# Seconds that a task which is cancelled may take to end.
_LAST_WORDS = 2.0


class OwnedTasks:
    """Starts tasks and keeps them until they are done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run `work` beside whoever calls; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._look_at)
        return task

    async def end(self, *, within: float) -> int:
        """Wait so many seconds for all tasks, cancel the rest and return how many those were."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        # Tasks that end may start others.
        while self._tasks and (left := deadline - loop.time()) > 0:
            await asyncio.wait(set(self._tasks), timeout=left)
        late = list(self._tasks)
        for task in late:
            await end(task, patience=_LAST_WORDS)
        return len(late)

    def _look_at(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("pool_task_broke", task=task.get_name(), exc_info=failure)
