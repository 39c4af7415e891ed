"""What a Redis says of the keys that it drops."""

from typing import Any

import pytest
from fakeredis import FakeAsyncRedis
from typing_extensions import override

from cadence.infra.redis.eviction import find_eviction


class Telling(FakeAsyncRedis):
    """Knows its policy, which the fake does not."""

    policy = "noeviction"

    @override
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        assert args == ("CONFIG GET", "maxmemory-policy")
        return {"maxmemory-policy": self.policy}


@pytest.mark.parametrize(
    ("policy", "found"), [("noeviction", None), ("allkeys-lru", "allkeys-lru")]
)
async def test_only_a_policy_that_drops_keys_is_told(policy: str, found: str | None) -> None:
    async with Telling() as redis:
        redis.policy = policy
        assert await find_eviction(redis) == found


async def test_one_that_refuses_the_question_is_believed() -> None:
    async with FakeAsyncRedis() as redis:
        assert await find_eviction(redis) is None
