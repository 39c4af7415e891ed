"""A network that delays, swallows, resets or refuses on the way to a store: 503, and then good."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest

from cadence.infra.away import Store
from tests.fakes.tcp_proxy import TcpProxy, Weather
from tests.fixtures.crowd import (
    AWAY,
    POSTGRES_BACK_WITHIN,
    REDIS_BACK_WITHIN,
    asking,
    figures,
    good_again,
    member_of,
    require_refused,
)
from tests.fixtures.proxied import Proxied, open_proxied

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("network"), pytest.mark.timeout(300)]

BACK_WITHIN = {Store.REDIS: REDIS_BACK_WITHIN, Store.DATABASE: POSTGRES_BACK_WITHIN}
# Seconds each way, so that an answer is two seconds late, and the seconds of SECURITY.md §7.1 in
# which a request ends nevertheless.
LATE = 1.0
ENDS_WITHIN = 6.0
SLOW = Weather(delay=LATE)
# Late, and yet worth waiting for.
LAZY = Weather(delay=0.02)
MANY = 60
# What so many waiting requests cost and give back; what piles up for nobody would be far more.
GROWS_AT_MOST_MIB = 40

TROUBLE = [
    pytest.param(SLOW, id="2 s late"),
    pytest.param(Weather(is_dark=True), id="black hole"),
    pytest.param(Weather(resets=True), id="reset"),
    pytest.param(Weather(refuses=True), id="refused"),
]
STORES = [Store.REDIS, Store.DATABASE]


@pytest.fixture(scope="module")
def proxied(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, redis_url: str
) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("proxied")
    with open_proxied(folder, postgres_server=postgres_server, redis_url=redis_url) as proxied:
        yield proxied


@pytest.mark.parametrize("weather", TROUBLE)
@pytest.mark.parametrize("store", STORES)
async def test_everything_is_refused_soon_and_good_soon_after(
    proxied: Proxied, store: Store, weather: Weather
) -> None:
    async with proxied.connect() as http, asking(await member_of(http)) as crowd:
        with proxied.proxies[store].weather(weather):
            begun = time.monotonic()
            await asyncio.sleep(AWAY)
            over = time.monotonic()
        seconds = await good_again(crowd, within=BACK_WITHIN[store])

    told = crowd.between(begun, over)
    sys.stdout.write(f"\n{store}: {figures(told)}; good {seconds:.2f} s after its return\n")
    require_refused(told)
    assert {each.status for each in crowd.told} == {200, 503}


@pytest.mark.parametrize("store", STORES)
async def test_a_store_that_is_a_little_late_is_waited_for(proxied: Proxied, store: Store) -> None:
    async with proxied.connect() as http, asking(await member_of(http)) as crowd:
        with proxied.proxies[store].weather(LAZY):
            await asyncio.sleep(1)

    sys.stdout.write(f"\n{store}: {figures(crowd.told)}\n")
    assert {each.status for each in crowd.told} == {200}


@pytest.mark.parametrize("trouble", [TcpProxy.reset, TcpProxy.half_close])
async def test_broken_connections_are_replaced_and_hardly_anybody_notices(
    proxied: Proxied, trouble: Callable[[TcpProxy], None]
) -> None:
    async with proxied.connect() as http, asking(await member_of(http)) as crowd:
        for proxy in proxied.proxies.values():
            trouble(proxy)
            await asyncio.sleep(0.3)
            assert await crowd.is_good()

    sys.stdout.write(f"\n{figures(crowd.told)}\n")
    # Whoever was in the middle of a statement is told to come again.
    assert {each.status for each in crowd.told} <= {200, 503}
    assert [each for each in crowd.told if each.status == 503 and not each.is_away] == []


async def test_many_who_ask_a_slow_postgresql_all_get_an_answer(proxied: Proxied) -> None:
    async with proxied.connect() as http:
        member = await member_of(http)
        async with asking(member, count=MANY) as crowd:
            before = proxied.resident_mib
            with proxied.proxies[Store.DATABASE].weather(SLOW):
                begun = time.monotonic()
                await asyncio.sleep(1.5 * ENDS_WITHIN)
                after = proxied.resident_mib
            await good_again(crowd, within=POSTGRES_BACK_WITHIN)

    told = [each for each in crowd.told if each.at > begun and each.asked_at < begun + ENDS_WITHIN]
    sys.stdout.write(f"\n{MANY} at once: {figures(told)}; {before:.0f} -> {after:.0f} MiB\n")
    assert {each.status for each in crowd.told} == {200, 503}
    # Some are late where the machine is busy with something else; nobody waits for ever.
    assert median(each.seconds for each in told) < ENDS_WITHIN
    assert max(each.seconds for each in told) < 3 * ENDS_WITHIN
    assert after - before < GROWS_AT_MOST_MIB
