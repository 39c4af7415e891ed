"""A task that belongs to a block of code: it is over, and awaited, when the block is left."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)

# Code that swallows its cancellation is given up on after this many seconds, so that nobody who
# cancels waits for ever.
PATIENCE = 5.0


@asynccontextmanager
async def own_task(
    work: Coroutine[Any, Any, T], *, patience: float = PATIENCE
) -> AsyncIterator[asyncio.Task[T]]:
    """Run `work` beside the block; when the block is left in whatever way, it is cancelled.

    A TaskGroup would do, but not in an async generator: it cancels the task that entered it, which
    by then may be running its caller's code, and it wraps the end of the generator in a group.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield task
    finally:
        await end(task, patience=patience)


async def end(task: asyncio.Task[Any], *, patience: float = PATIENCE) -> None:
    """Cancel a task and wait until it is over, also when the one who waits is cancelled again."""
    task.cancel()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    interrupted: asyncio.CancelledError | None = None
    while not task.done() and (left := deadline - loop.time()) > 0:
        try:
            await asyncio.wait({task}, timeout=left)
        except asyncio.CancelledError as error:
            interrupted = error
    _look_at(task)
    if interrupted is not None:
        raise interrupted


def _look_at(task: asyncio.Task[Any]) -> None:
    if not task.done():
        _log.error("a cancelled task did not end; it is left alone")
        task.add_done_callback(_look_at)
    elif not task.cancelled():
        # Reading the exception tells asyncio that it has not been overlooked.
        task.exception()
