"""Lets go of what nobody has used for long, one look every so often."""

import asyncio
from typing import NoReturn

from cadence.pool.pool import Pool

# Looks in the time that a warm one may go unused: it goes at most a twentieth late.
LOOKS = 20
SHORTEST = 1.0
LONGEST = 60.0


async def keep_cool(pool: Pool, *, warm_seconds: float) -> NoReturn:
    """Cool the pool for as long as the task runs; whoever opened the pool owns the task."""
    every = min(LONGEST, max(SHORTEST, warm_seconds / LOOKS))
    while True:
        await asyncio.sleep(every)
        pool.cool()
