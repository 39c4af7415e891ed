"""Who is evicted, who cools, and what is made ready at the start, by the rules alone."""

from datetime import timedelta

import pytest

from cadence.config.settings import PoolSettings, PrewarmStrategy
from cadence.infra.away import Store, StoreUnavailable
from cadence.pool.failures import RememberedFailure, afresh
from cadence.pool.pool import Pool
from cadence.pool.prewarming import plan, prewarm
from cadence.pool.tiers import Tier, has_passed, pick_cooled, pick_evicted
from tests.unit.pool.workshop import NOON, Broken, Workshop

HOUR = timedelta(hours=1)


def test_the_least_recently_used_that_is_not_busy_is_evicted() -> None:
    assert pick_evicted(["a", "b", "c"], is_busy={"a"}.__contains__) == "b"
    assert pick_evicted(["a"], is_busy={"a"}.__contains__) is None


def test_those_unused_for_long_enough_cool() -> None:
    since = {"new": NOON, "old": NOON - HOUR, "nearly": NOON - HOUR + timedelta(seconds=1)}

    assert pick_cooled(since, now=NOON, warm_for=HOUR) == ["old"]


def test_a_clock_that_was_set_back_makes_nothing_last() -> None:
    assert has_passed(NOON, NOON - HOUR, after=timedelta(seconds=1))


def test_a_failure_stands_for_its_own_hash_and_time_alone() -> None:
    failure = RememberedFailure(build_hash="1", error=Broken(), times=3, at=NOON)

    assert failure.stands("1", NOON + timedelta(seconds=3.9))
    assert not failure.stands("1", NOON + timedelta(seconds=4))
    assert not failure.stands("2", NOON)
    assert not failure.stands("1", NOON - HOUR)


def test_an_error_told_again_is_equal_and_has_no_past() -> None:
    told = Broken()
    told.retry_after = 3.0
    try:
        raise told
    except Broken:
        again = afresh(told)

    assert again is not told
    assert isinstance(again, Broken)
    assert (again.code, again.message, again.retry_after) == (told.code, told.message, 3.0)
    assert str(again) == str(told)
    assert again.__traceback__ is None


@pytest.mark.parametrize(
    ("count", "max_hot", "hot"), [(100, 200, 3), (2, 200, 2), (100, 1, 1), (0, 200, 0)]
)
def test_the_most_recent_are_built_as_far_as_there_are_places(
    count: int, max_hot: int, hot: int
) -> None:
    workshop = Workshop()
    recent = [workshop.key() for _ in range(3)]
    settings = PoolSettings(
        prewarm_strategy=PrewarmStrategy.ALL, prewarm_count=count, max_hot=max_hot
    )

    planned = plan(recent, settings)

    assert [key for key, _ in planned] == recent
    assert [tier for _, tier in planned] == [Tier.HOT] * hot + [Tier.WARM] * (3 - hot)


@pytest.mark.parametrize(
    ("strategy", "tiers"),
    [
        (PrewarmStrategy.RECENT, ["hot", "hot", "cold", "cold"]),
        (PrewarmStrategy.ALL, ["hot", "hot", "warm", "warm"]),
        (PrewarmStrategy.NONE, ["cold", "cold", "cold", "cold"]),
    ],
    ids=str,
)
async def test_a_strategy_makes_ready_what_it_says(
    strategy: PrewarmStrategy, tiers: list[str]
) -> None:
    workshop, pool, settings = _starting(strategy)

    await prewarm(pool, settings)

    assert [pool.find(key).tier for key in workshop.recent] == tiers
    assert [runtime.key for runtime in workshop.made] == workshop.recent[: tiers.count("hot")]


async def test_what_cannot_be_built_does_not_keep_the_rest_from_being_ready() -> None:
    workshop, pool, settings = _starting(PrewarmStrategy.ALL)
    broken, gone, *others = workshop.recent
    workshop.hashes[broken] = "2"
    workshop.broken.add("2")
    del workshop.hashes[gone]

    await prewarm(pool, settings)

    assert [pool.find(key).tier for key in others] == ["warm", "warm"]
    assert pool.find(broken).last_error is not None


async def test_prewarming_takes_no_place_from_what_is_used() -> None:
    workshop, pool, settings = _starting(PrewarmStrategy.RECENT)
    used = [workshop.key(), workshop.key()]
    for key in used:
        await pool.load(key, Tier.HOT)

    await prewarm(pool, settings)

    assert [pool.find(key).tier for key in used] == ["hot", "hot"]
    assert pool.stats().evictions == 0


async def test_a_store_that_is_away_at_the_start_does_not_end_the_process() -> None:
    workshop, pool, settings = _starting(PrewarmStrategy.RECENT)
    workshop.failure = StoreUnavailable(Store.DATABASE)

    await prewarm(pool, settings)

    assert pool.held() == {}


def _starting(strategy: PrewarmStrategy) -> tuple[Workshop, Pool, PoolSettings]:
    workshop = Workshop()
    workshop.recent = [workshop.key() for _ in range(4)]
    settings = PoolSettings(max_hot=2, prewarm_strategy=strategy, prewarm_count=2)
    return workshop, workshop.pool(**settings.model_dump()), settings
