"""Whether a Redis may drop what it was given to keep."""

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

KEEPS_ALL = "noeviction"


async def find_eviction(redis: Redis) -> str | None:
    """Return the policy by which it drops keys; None when it drops none, or does not tell.

    Hosted ones often refuse the question.
    """
    try:
        told = await redis.config_get("maxmemory-policy")
    except (RedisError, OSError) as failure:
        log.debug("eviction_not_told", error=type(failure).__name__)
        return None
    policy: str | None = told.get("maxmemory-policy")
    return None if policy == KEEPS_ALL else policy
