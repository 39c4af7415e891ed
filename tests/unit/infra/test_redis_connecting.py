"""The client waits long enough for what takes its time, and not for ever for what is gone."""

import asyncio

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from cadence.infra.redis.connecting import ANSWER_SECONDS, BLOCK_MS, open_redis
from tests.fixtures.run_scene import a_node, a_record, begin


async def test_a_quiet_run_is_waited_for_longer_than_an_answer_may_take(redis_url: str) -> None:
    heartbeat = ANSWER_SECONDS + 0.5
    async with open_redis(redis_url) as redis:
        record = a_record()
        await begin(a_node(redis), record)
        # Another process reads from Redis.
        log = a_node(redis, "other", heartbeat_seconds=heartbeat).log
        batches = aiter(log.read(record.organization_id, record.run_id))
        async with asyncio.timeout(10 * heartbeat):
            beats = [list(await anext(batches)) for _ in range(2)]

    assert beats == [[], []]
    assert BLOCK_MS / 1000 < ANSWER_SECONDS


async def test_more_may_wait_at_once_than_the_drivers_own_limit(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        answers = await asyncio.gather(
            *(redis.xread({"nothing": "0"}, block=300) for _ in range(120))
        )

    assert answers == [[]] * 120


async def test_a_redis_that_says_nothing_is_given_up() -> None:
    gone = asyncio.Event()

    async def stay_silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    async with await asyncio.start_server(stay_silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_redis(f"redis://127.0.0.1:{port}") as redis:
            with pytest.raises(RedisTimeoutError):
                await redis.get("x")
        gone.set()
