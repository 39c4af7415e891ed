"""Keys that belong to whoever was first, whether or not Redis's answer arrived."""

from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cadence.runs.scripts import RELEASE

log = structlog.get_logger(__name__)


async def take(redis: Redis, key: str, mine: bytes, *, seconds: int) -> bool:
    """Take a free key; True also when it is ours already. Raises what the driver raises.

    `mine` must be nobody else's. A driver that lost an answer asks again, and is told no.
    """
    if await redis.set(key, mine, nx=True, ex=seconds):
        return True
    # Its types leave open whether answers are decoded; ours are not.
    holder: Any = await redis.get(key)
    return bool(holder == mine)


async def give_back(redis: Redis, key: str, mine: bytes) -> None:
    """Free a key if it is still ours; what Redis cannot be told now expires there.

    It raises nothing of Redis, so that it hides no failure that it cleans up after.
    """
    try:
        await redis.eval(RELEASE, 1, key, mine)
    except (RedisError, OSError) as failure:
        log.debug("claim_left_to_expire", error=type(failure).__name__)
