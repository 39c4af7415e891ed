"""Guessing passwords: stopped from one place, slowed down from many, and nobody locked out."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from starlette.types import Scope

from cadence.config.settings import RateSettings
from cadence.domains.access.errors import WrongCredentials
from cadence.domains.access.guessing import PasswordGuesses
from cadence.http.rate_limit import RateLimited
from cadence.http.request_rates import RequestRates, counted
from cadence.infra.rate_limits.limiter import open_rate_limiter
from cadence.infra.rate_limits.quotas import RateLimiter
from cadence.infra.redis.connecting import MEMORY

HERE = "192.0.2.1"
# In memory a minute begins with the clock's, so that a test's hits may be spread over two of them.
# Limits that are far apart show the same in either case.
SETTINGS = RateSettings(
    login_per_name_and_address=5, login_per_address=60, login_failures_per_name=20
)


class Login:
    """Somebody who logs in, and the pauses that they were made to take."""

    def __init__(self, limiter: RateLimiter, settings: RateSettings = SETTINGS) -> None:
        self.pauses: list[float] = []
        self.scope: Scope = {}
        rates = RequestRates(self.scope, limiter=limiter, settings=settings)
        self._guesses = PasswordGuesses(rates, limiter, settings=settings, pause=self._pause)

    async def fail(self, username: str = "ada", address: str = HERE) -> str:
        """Guess wrong, and return how it ended."""
        try:
            async with self._guesses.guess(username, address=address):
                raise WrongCredentials  # noqa: TRY301  # as the service does it inside of the block
        except WrongCredentials:
            return "wrong"
        except RateLimited:
            return "limited"

    async def succeed(self, username: str = "ada", address: str = HERE) -> None:
        async with self._guesses.guess(username, address=address):
            pass

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    async with open_rate_limiter(MEMORY) as limiter:
        yield Login(limiter)


async def test_guesses_at_one_name_from_one_address_are_stopped(login: Login) -> None:
    ended = await asyncio.gather(*(login.fail() for _ in range(30)))

    assert 5 <= ended.count("wrong") <= 6


async def test_other_names_and_other_addresses_are_not(login: Login) -> None:
    for _ in range(12):
        await login.fail()

    await login.succeed(address="192.0.2.2")
    await login.succeed(username="grace")
    assert await login.fail() == "limited"


async def test_the_case_of_a_name_makes_no_other_name(login: Login) -> None:
    names = ["ada", "Ada", "ADA", "aDa", "adA", "aDA", "ADa", "AdA"]

    ended = [await login.fail(username=name) for name in names * 2]

    assert ended.count("wrong") <= 10


async def test_an_ipv6_network_is_one_address(login: Login) -> None:
    ended = [await login.fail(address=f"2001:db8:0:1::{host:x}") for host in range(1, 31)]

    assert ended.count("wrong") <= 10
    assert await login.fail(address="2001:db8:0:2::1") == "wrong"


async def test_an_ipv4_address_is_the_same_in_ipv6_clothes(login: Login) -> None:
    for _ in range(12):
        await login.fail(address=HERE)

    assert await login.fail(address=f"::ffff:{HERE}") == "limited"


async def test_trying_one_password_at_many_names_is_stopped(login: Login) -> None:
    ended = [await login.fail(username=f"user-{number}") for number in range(200)]

    assert 60 <= ended.count("wrong") <= 120


async def test_success_forgets_the_tries_before_it(login: Login) -> None:
    for _ in range(12):
        assert await login.fail() == "wrong"
        await login.succeed()


async def test_success_costs_nothing_of_the_hour(login: Login) -> None:
    for number in range(50):
        await login.succeed(address=f"192.0.2.{number}")

    assert login.pauses == []


async def test_failures_from_many_addresses_make_every_answer_slower(login: Login) -> None:
    for number in range(30):
        await login.fail(address=f"192.0.2.{number}")
    assert login.pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]

    await login.succeed(address="198.51.100.1")

    assert login.pauses[10:] == [4.0]


async def test_a_slow_name_slows_no_other_one(login: Login) -> None:
    for number in range(30):
        await login.fail(address=f"192.0.2.{number}")
    login.pauses.clear()

    await login.succeed(username="grace")

    assert login.pauses == []


async def test_the_answer_tells_of_two_limits_and_of_no_failures(login: Login) -> None:
    await login.fail()

    names = [quota.limit.name for quota in counted(login.scope)]
    assert names == ["login_address", "login"]


async def test_no_name_is_kept_as_it_was_typed(redis_url: str) -> None:
    async with open_rate_limiter(redis_url) as limiter, Redis.from_url(redis_url) as redis:
        await Login(limiter).fail(username="ada.lovelace@example.com")
        keys = await redis.keys()

    assert keys
    assert not any(b"lovelace" in key for key in keys)
