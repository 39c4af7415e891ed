"""Work that goes on beside a block and ends with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

# Seconds after which work that should have ended is told again.
TOLD_AGAIN = 1.0


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do this until the block ends, and cancel it then.

    It is told until it listens: Redis' driver may swallow a cancellation that comes just when it
    connects or is answered.
    """
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        try:
            yield
        finally:
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=TOLD_AGAIN)
