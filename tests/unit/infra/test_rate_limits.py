"""Counting hits: in memory, in Redis, and in between when Redis goes away and comes back."""

import asyncio
import secrets
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from cadence.infra.rate_limits.in_redis import PREFIX
from cadence.infra.rate_limits.limiter import BACK_OFF, open_rate_limiter
from cadence.infra.rate_limits.quotas import Bucket, Limit, Quota, RateLimiter, Window, quota_of
from cadence.infra.redis.connecting import MEMORY
from tests.fixtures.redis_server import RedisServer, open_redis_server

# Windows of an hour: in memory they begin with the clock's, and a test must not meet a new one.
HOUR = 3600
FIFTY = Limit(name="fifty", amount=50, seconds=HOUR)


class StillClock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def bucket(limit: Limit = FIFTY) -> Bucket:
    """Return one that nobody has used."""
    return Bucket(limit, secrets.token_hex(8))


def passed(quotas: Sequence[Sequence[Quota]]) -> int:
    return Counter(quota.allowed for answer in quotas for quota in answer)[True]


async def hit_often(limiter: RateLimiter, wanted: Bucket, times: int) -> int:
    """Hit all at once, and return how many passed."""
    return passed(await asyncio.gather(*(limiter.hit(wanted) for _ in range(times))))


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest) -> str:
    return MEMORY if request.param == "memory" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def limiter(url: str) -> AsyncIterator[RateLimiter]:
    async with open_rate_limiter(url) as opened:
        yield opened


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with open_redis_server(tmp_path) as server:
        yield server


async def test_of_200_at_once_exactly_50_pass(limiter: RateLimiter) -> None:
    assert await hit_often(limiter, bucket(), 200) == 50


async def test_two_processes_share_a_limit(redis_url: str) -> None:
    wanted = bucket()

    async with open_rate_limiter(redis_url) as one, open_rate_limiter(redis_url) as other:
        both = await asyncio.gather(hit_often(one, wanted, 100), hit_often(other, wanted, 100))

    assert sum(both) == 50


async def test_each_owner_and_each_limit_is_counted_apart(limiter: RateLimiter) -> None:
    wanted = bucket(Limit(name="two", amount=2))
    others = [bucket(wanted.limit), Bucket(Limit(name="one", amount=1), wanted.owner)]
    await hit_often(limiter, wanted, 3)

    quotas = await limiter.hit(wanted, *others)

    assert [quota.allowed for quota in quotas] == [False, True, True]
    assert [quota.remaining for quota in quotas] == [0, 1, 0]


async def test_a_quota_tells_what_is_left_and_how_long_to_wait(limiter: RateLimiter) -> None:
    wanted = bucket(Limit(name="two", amount=2))

    quotas = [(await limiter.hit(wanted))[0] for _ in range(3)]

    assert [quota.allowed for quota in quotas] == [True, True, False]
    assert [quota.remaining for quota in quotas] == [1, 0, 0]
    assert [quota.retry_after for quota in quotas[:2]] == [None, None]
    assert all(1 <= quota.reset <= 60 for quota in quotas)
    assert quotas[2].retry_after == quotas[2].reset


async def test_a_cleared_bucket_has_all_its_room_again(limiter: RateLimiter) -> None:
    wanted = bucket()
    await hit_often(limiter, wanted, 50)

    await limiter.clear(wanted)

    assert await hit_often(limiter, wanted, 60) == 50


async def test_a_hit_given_back_leaves_room_for_one(limiter: RateLimiter) -> None:
    wanted = bucket()
    await hit_often(limiter, wanted, 50)

    await limiter.give_back(wanted)

    assert await hit_often(limiter, wanted, 5) == 1


async def test_giving_back_what_was_never_taken_gives_nothing(limiter: RateLimiter) -> None:
    wanted = bucket()

    await limiter.give_back(wanted)

    assert await hit_often(limiter, wanted, 60) == 50


async def test_every_key_has_our_prefix_and_an_end(redis_url: str) -> None:
    wanted = bucket()
    async with open_rate_limiter(redis_url) as limiter, Redis.from_url(redis_url) as redis:
        before = set(await redis.keys())
        await limiter.give_back(wanted)
        await limiter.hit(wanted)

        (made,) = set(await redis.keys()) - before
        left = await redis.ttl(made)

    assert made == f"{{{PREFIX}fifty:{HOUR}:{wanted.owner}}}".encode()
    assert 0 < left <= 2 * HOUR


async def test_a_limiter_without_redis_is_stricter(redis_server: RedisServer) -> None:
    redis_server.stop()

    async with open_rate_limiter(redis_server.url) as limiter:
        assert await hit_often(limiter, bucket(), 200) == 25
        assert await hit_often(limiter, bucket(Limit(name="one", amount=1)), 5) == 1


async def test_an_outage_is_told_once_and_ends_by_itself(redis_server: RedisServer) -> None:
    clock, wanted = StillClock(), bucket()
    with capture_logs() as logs:
        async with open_rate_limiter(redis_server.url, monotonic=clock) as limiter:
            assert await hit_often(limiter, wanted, 10) == 10
            redis_server.stop()
            assert await hit_often(limiter, wanted, 100) == 25

            redis_server.start()
            assert await hit_often(limiter, wanted, 100) == 0
            clock.seconds += BACK_OFF
            assert await hit_often(limiter, wanted, 1) == 1
            assert await hit_often(limiter, wanted, 100) == 49

    assert [entry["event"] for entry in logs] == [
        "rate_limits_on_their_own",
        "rate_limits_shared_again",
    ]
    assert logs[0]["log_level"] == "warning"


async def test_a_redis_that_stays_away_is_asked_now_and_then(redis_server: RedisServer) -> None:
    clock, wanted = StillClock(), bucket()
    redis_server.stop()

    with capture_logs() as logs:
        async with open_rate_limiter(redis_server.url, monotonic=clock) as limiter:
            for _ in range(3):
                await hit_often(limiter, wanted, 5)
                clock.seconds += BACK_OFF

    assert [entry["event"] for entry in logs] == ["rate_limits_on_their_own"]


async def test_a_redis_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=300) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"

        async with open_rate_limiter(url) as limiter, asyncio.timeout(20):
            assert await hit_often(limiter, bucket(), 200) == 25


async def test_a_busy_process_does_not_take_its_own_delay_for_an_outage(redis_url: str) -> None:
    async with open_rate_limiter(redis_url) as limiter:
        with capture_logs() as logs:
            for _ in range(3):
                asyncio.get_running_loop().call_soon(time.sleep, 0.5)
                assert await hit_often(limiter, bucket(), 60) == 50

    assert logs == []


async def test_success_forgets_what_an_outage_counted_too(redis_server: RedisServer) -> None:
    clock, wanted = StillClock(), bucket()
    async with open_rate_limiter(redis_server.url, monotonic=clock) as limiter:
        redis_server.stop()
        await hit_often(limiter, wanted, 25)

        await limiter.clear(wanted)

        assert await hit_often(limiter, wanted, 30) == 25


@pytest.mark.parametrize(
    ("window", "remaining", "reset"),
    [
        pytest.param(Window(0, 0, 1, 119.5), 49, 60, id="the first hit of a window"),
        pytest.param(Window(40, 30, 10, 90), 20, 31, id="half of the window before still counts"),
        pytest.param(Window(0, 0, 50, 72.5), 0, 13, id="full until the window ends"),
        pytest.param(Window(50, 30, 25, 90), 0, 1, id="full until a bit more has faded"),
        pytest.param(Window(100, 60, 0, 120), 0, 31, id="a limit that was lowered"),
    ],
)
def test_the_window_before_fades_out(window: Window, remaining: int, reset: int) -> None:
    quota = quota_of(Limit(name="fifty", amount=50), window, allowed=True)

    assert (quota.remaining, quota.reset) == (remaining, reset)
