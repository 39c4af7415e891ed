"""The pool builds once, lends, replaces and closes; never under a user's feet."""

import asyncio

import pytest

from cadence.infra.away import Store, StoreUnavailable
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.pool.errors import BuildBroke, PoolClosed, PoolFull
from cadence.pool.pool import Pool
from cadence.pool.ports import Key
from cadence.pool.slot import Built
from cadence.pool.tiers import Tier
from tests.unit.pool.workshop import Broken, RecordedRuntime, Workshop, settle


async def use(pool: Pool, key: Key, build_hash: str = "1") -> None:
    async with pool.lease(*key, build_hash=build_hash):
        pass


async def lent_hash(pool: Pool, key: Key, build_hash: str) -> str:
    async with pool.lease(*key, build_hash=build_hash) as built:
        return built.build_hash


def is_same(lent: Built, made: RecordedRuntime) -> bool:
    return id(lent.runtime) == id(made)


def closed(workshop: Workshop) -> list[int]:
    return [runtime.closed for runtime in workshop.made]


async def test_what_is_built_is_lent_again() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()

    for _ in range(3):
        async with pool.lease(*key, build_hash="1") as built:
            assert is_same(built, workshop.made[0])

    assert closed(workshop) == [0]


async def test_many_who_ask_at_once_wait_for_one_build() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.building.clear()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(use(pool, key))
        await settle()
        workshop.building.set()

    assert len(workshop.made) == 1
    assert pool.stats().misses == 20


async def test_a_turn_that_needs_a_newer_one_gets_it_and_the_old_one_finishes_its_turn() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()

    async with pool.lease(*key, build_hash="1"):
        workshop.hashes[key] = "2"
        async with pool.lease(*key, build_hash="2") as newer:
            assert is_same(newer, workshop.made[1])
            await settle()
            assert closed(workshop) == [0, 0]
            assert pool.stats().draining == 1
    await settle()

    assert closed(workshop) == [1, 0]


async def test_a_turn_that_was_planned_before_a_change_gets_the_newer_one() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key("2")
    await use(pool, key, "2")

    async with pool.lease(*key, build_hash="1") as built:
        assert built.build_hash == "2"

    assert len(workshop.made) == 1


async def test_the_least_recently_used_one_goes_to_warm_first() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=2)
    first, second, third = (workshop.key() for _ in range(3))

    for key in (first, second, first, third):
        await use(pool, key)
    await settle()

    assert closed(workshop) == [0, 1, 0]
    assert [pool.find(key).tier for key in (first, second, third)] == ["hot", "warm", "hot"]


async def test_a_warm_one_is_built_from_what_it_kept() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1)
    first, second = workshop.key(), workshop.key()
    for key in (first, second, first):
        await use(pool, key)

    assert workshop.loads == [first, second]
    assert len(workshop.made) == 3


async def test_a_warm_one_that_has_changed_is_read_anew() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    await pool.load(key, Tier.WARM)
    workshop.hashes[key] = "2"

    await use(pool, key, "2")

    assert workshop.loads == [key, key]
    assert [runtime.build_hash for runtime in workshop.made] == ["2"]


async def test_a_leased_one_is_never_evicted_and_who_finds_no_place_is_told_so() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1, wait_seconds=0.01)
    first, second = workshop.key(), workshop.key()

    async with pool.lease(*first, build_hash="1"):
        with pytest.raises(PoolFull) as told:
            await use(pool, second)

    assert told.value.retry_after == 5
    assert closed(workshop) == [0]
    assert pool.find(second).last_error is None


async def test_one_that_is_being_built_anew_keeps_its_place() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1, wait_seconds=0.01)
    first, second = workshop.key(), workshop.key()
    await use(pool, first)
    workshop.hashes[first] = "2"
    workshop.building.clear()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pool.reload(first))
        await settle()
        with pytest.raises(PoolFull):
            await use(pool, second)
        workshop.building.set()

    assert pool.find(first).build_hash == "2"


async def test_one_that_is_leased_in_place_of_an_idle_one_is_not_idle() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1, wait_seconds=0.01)
    first, second = workshop.key(), workshop.key()
    await use(pool, first)
    workshop.hashes[first] = "2"

    async with pool.lease(*first, build_hash="2"):
        with pytest.raises(PoolFull):
            await use(pool, second)


async def test_one_that_is_leased_after_a_second_look_is_not_idle() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1, wait_seconds=0.01)
    first, second = workshop.key("2"), workshop.key()
    await use(pool, first, "2")

    async with pool.lease(*first, build_hash="1"):
        with pytest.raises(PoolFull):
            await use(pool, second)


async def test_who_waits_for_a_place_gets_the_one_that_is_left_in_order() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1)
    keys = [workshop.key() for _ in range(3)]
    order: list[Key] = []

    async def turn(key: Key) -> None:
        async with pool.lease(*key, build_hash="1"):
            order.append(key)
            await settle()

    async with asyncio.TaskGroup() as tasks:
        for key in keys:
            tasks.create_task(turn(key))

    assert order == keys
    assert len(workshop.open) == 1


async def test_who_gives_up_waiting_for_a_place_leaves_the_line() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1)
    first, second, third = (workshop.key() for _ in range(3))

    async with asyncio.TaskGroup() as tasks:
        async with pool.lease(*first, build_hash="1"):
            gone = tasks.create_task(use(pool, second))
            last = tasks.create_task(use(pool, third))
            await settle()
            gone.cancel()
            await settle()
        await last

    assert [runtime.key for runtime in workshop.made] == [first, third]


async def test_a_caller_who_goes_away_does_not_break_the_build_for_the_others() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.building.clear()

    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(use(pool, key))
        stays = tasks.create_task(use(pool, key))
        await settle()
        gone.cancel()
        await settle()
        workshop.building.set()
        await stays

    assert closed(workshop) == [0]


async def test_a_build_that_has_begun_is_finished_even_when_nobody_waits_any_more() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.building.clear()

    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(use(pool, key))
        await settle()
        gone.cancel()
    workshop.building.set()
    await settle()
    await use(pool, key)

    assert len(workshop.made) == 1


async def test_what_nobody_waits_for_any_more_is_not_even_begun() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.reading.clear()

    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(use(pool, key))
        await settle()
        gone.cancel()
    workshop.reading.set()
    await settle()

    assert workshop.tried == []
    assert pool.find(key).tier is Tier.COLD
    await use(pool, key)
    assert len(workshop.made) == 1


async def test_who_asks_just_as_the_last_one_goes_away_is_served() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.reading.clear()

    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(use(pool, key))
        await settle()
        gone.cancel()
        stays = tasks.create_task(use(pool, key))
        await settle()
        workshop.reading.set()
        await stays

    assert gone.cancelled()
    assert len(workshop.made) == 1


async def test_who_leaves_just_as_the_build_ends_keeps_nothing_leased() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(max_hot=1), workshop.key()
    workshop.building.clear()
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(use(pool, key))
        await settle()
        workshop.building.set()
        for _ in range(50):
            # The very step in which it is lent, before the one who waits has noticed.
            if pool.find(key).is_leased:
                gone.cancel()
                break
            await asyncio.sleep(0)

    assert gone.cancelled()
    assert not pool.find(key).is_leased
    await use(pool, workshop.key())
    await settle()
    assert closed(workshop) == [1, 0]


async def test_an_organization_has_at_most_half_of_the_builds_at_once() -> None:
    workshop = Workshop()
    pool = workshop.pool(builds=4)
    workshop.building.clear()
    other = OrganizationId(new_uuid())
    ours, theirs = [workshop.key() for _ in range(5)], workshop.key("1", other)

    async with asyncio.TaskGroup() as tasks:
        for key in (*ours, theirs):
            tasks.create_task(use(pool, key))
        await settle()
        assert workshop.under_way == [*ours[:2], theirs]
        workshop.building.set()

    assert len(workshop.made) == 6


async def test_a_reload_builds_beside_the_old_one_swaps_and_closes_it() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(max_hot=1), workshop.key()
    await use(pool, key)
    workshop.hashes[key] = "2"
    workshop.building.clear()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pool.reload(key))
        await settle()
        assert pool.find(key).build_hash == "1"
        assert pool.find(key).is_building
        workshop.building.set()
    await settle()

    assert closed(workshop) == [1, 0]
    assert pool.find(key).build_hash == "2"
    async with pool.lease(*key, build_hash="2"):
        assert pool.stats().hits == 1


async def test_reloads_of_the_same_hash_build_nothing() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    await use(pool, key)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(pool.reload(key))

    assert workshop.loads == [key]
    assert closed(workshop) == [0]


async def test_many_reloads_of_one_change_build_once() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    await use(pool, key)
    workshop.hashes[key] = "2"

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(pool.reload(key))

    assert [runtime.build_hash for runtime in workshop.made] == ["1", "2"]


async def test_a_reload_of_what_nobody_holds_does_nothing() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()

    await pool.reload(key)

    assert workshop.loads == []
    assert pool.held() == {}


async def test_a_reload_of_a_warm_one_builds_nothing() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    await pool.load(key, Tier.WARM)
    workshop.hashes[key] = "2"

    await pool.reload(key)

    assert workshop.made == []
    assert pool.find(key).build_hash == "2"


async def test_a_reload_of_what_is_gone_makes_it_cold() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    await use(pool, key)
    del workshop.hashes[key]

    await pool.reload(key)
    await settle()

    assert pool.find(key).tier is Tier.COLD
    assert closed(workshop) == [1]


async def test_a_change_while_the_one_before_is_being_built_is_followed_after_it() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.building.clear()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(use(pool, key))
        await settle()
        workshop.hashes[key] = "2"
        tasks.create_task(pool.reload(key))
        newer = tasks.create_task(lent_hash(pool, key, "2"))
        await settle()
        workshop.building.set()

    assert newer.result() == "2"
    assert [runtime.build_hash for runtime in workshop.made] == ["1", "2"]


async def test_a_change_while_a_warm_one_waits_for_a_place_is_not_overlooked() -> None:
    workshop = Workshop()
    pool = workshop.pool(max_hot=1)
    other, key = workshop.key(), workshop.key()
    await pool.load(key, Tier.WARM)

    async with asyncio.TaskGroup() as tasks, pool.lease(*other, build_hash="1"):
        older = tasks.create_task(lent_hash(pool, key, "1"))
        await settle()
        workshop.hashes[key] = "2"
        newer = tasks.create_task(lent_hash(pool, key, "2"))
        await settle()

    assert (older.result(), newer.result()) == ("1", "2")


async def test_an_unloaded_one_finishes_its_turn_first() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()

    async with pool.lease(*key, build_hash="1"):
        await pool.unload(key)
        await settle()
        assert pool.find(key).tier is Tier.COLD
        assert closed(workshop) == [0]
    await settle()

    assert closed(workshop) == [1]
    assert len(pool) == 0


async def test_what_is_unloaded_while_it_is_built_serves_those_who_wait_and_then_goes() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(max_hot=1), workshop.key()
    workshop.building.clear()

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(use(pool, key))
        await settle()
        await pool.unload(key)
        workshop.building.set()
        await waiting
    await settle()

    assert closed(workshop) == [1]
    assert pool.find(key).tier is Tier.COLD
    await use(pool, workshop.key())


async def test_dropping_an_organization_leaves_the_others_alone() -> None:
    workshop = Workshop()
    pool = workshop.pool()
    other = OrganizationId(new_uuid())
    ours, theirs = workshop.key(), workshop.key("1", other)
    await use(pool, ours)
    await use(pool, theirs)

    await pool.drop_organization(ours[0])

    assert list(pool.held()) == [theirs]


async def test_a_warm_one_goes_cold_when_nobody_uses_it() -> None:
    workshop = Workshop()
    pool, hot, warm = workshop.pool(warm_ttl_seconds=3600), workshop.key(), workshop.key()
    await use(pool, hot)
    await pool.load(warm, Tier.WARM)

    workshop.clock.advance(3599)
    pool.cool()
    assert pool.find(warm).tier is Tier.WARM
    workshop.clock.advance(1)
    pool.cool()

    assert pool.find(warm).tier is Tier.COLD
    assert pool.find(hot).tier is Tier.HOT


async def test_loading_makes_hot_what_is_not_and_never_cools() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()

    for tier in (Tier.WARM, Tier.HOT, Tier.WARM):
        await pool.load(key, tier)

    assert pool.find(key).tier is Tier.HOT
    assert len(workshop.made) == 1


async def test_loading_what_is_not_there_leaves_nothing_behind() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    del workshop.hashes[key]

    await pool.load(key, Tier.HOT)

    assert pool.find(key).tier is Tier.COLD
    with pytest.raises(NotFound):
        await use(pool, key)


async def test_a_failed_build_is_remembered_for_a_growing_time() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.broken.add("1")

    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        with pytest.raises(Broken):
            await use(pool, key)
        tried = len(workshop.tried)
        workshop.clock.advance(pause - 0.1)
        with pytest.raises(Broken):
            await use(pool, key)
        assert len(workshop.tried) == tried
        workshop.clock.advance(0.1)

    assert len(workshop.tried) == 8


async def test_a_failure_is_shown_until_a_build_succeeds() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.broken.add("1")
    with pytest.raises(Broken):
        await use(pool, key)

    told = pool.find(key).last_error
    assert told is not None
    assert (told.code, told.message, told.at) == (
        "plugin_broken",
        Broken().message,
        workshop.clock.time,
    )

    workshop.broken.clear()
    workshop.clock.advance(1)
    await use(pool, key)
    assert pool.find(key).last_error is None


async def test_another_hash_is_tried_at_once() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.broken.add("1")
    with pytest.raises(Broken):
        await use(pool, key)
    workshop.hashes[key] = "2"

    await use(pool, key, "2")

    assert pool.find(key).last_error is None


async def test_a_reload_that_fails_leaves_the_old_one_for_a_configuration_that_comes_back() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    await use(pool, key)
    workshop.hashes[key] = "2"
    workshop.broken.add("2")

    await pool.reload(key)
    told = pool.find(key)
    assert (told.tier, told.build_hash) == (Tier.HOT, "1")
    assert told.last_error is not None
    with pytest.raises(Broken):
        await use(pool, key, "2")

    workshop.hashes[key] = "1"
    await pool.reload(key)
    await use(pool, key)
    assert pool.find(key).last_error is None
    assert len(workshop.made) == 1


async def test_a_store_that_is_away_is_not_remembered() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.failure = StoreUnavailable(Store.DATABASE)
    with pytest.raises(StoreUnavailable):
        await use(pool, key)
    with pytest.raises(StoreUnavailable):
        await pool.load(key, Tier.WARM)

    workshop.failure = None
    await use(pool, key)

    assert len(workshop.made) == 1


async def test_a_fault_of_ours_is_told_without_its_words() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.failure = RuntimeError("the password is canary")

    with pytest.raises(BuildBroke) as told:
        await use(pool, key)

    assert "canary" not in str(told.value)


async def test_those_who_wait_for_a_failing_build_get_errors_of_their_own() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.broken.add("1")

    told = await asyncio.gather(*(use(pool, key) for _ in range(3)), return_exceptions=True)

    assert [type(each) for each in told] == [Broken] * 3
    assert len(set(map(id, told))) == 3
    assert workshop.tried == ["1"]


async def test_closing_closes_everything_once_and_builds_nothing_more() -> None:
    workshop = Workshop()
    pool = workshop.pool()
    keys = [workshop.key() for _ in range(3)]
    for key in keys:
        await use(pool, key)

    await pool.close()
    await pool.close()

    assert closed(workshop) == [1, 1, 1]
    with pytest.raises(PoolClosed):
        await use(pool, keys[0])
    with pytest.raises(PoolClosed):
        await pool.load(keys[0], Tier.HOT)


async def test_closing_ends_builds_under_way_and_leaves_nothing_open() -> None:
    workshop = Workshop()
    pool, key = workshop.pool(), workshop.key()
    workshop.building.clear()

    async def close() -> None:
        await settle()
        await pool.close()

    told, _ = await asyncio.gather(use(pool, key), close(), return_exceptions=True)

    assert isinstance(told, PoolClosed)
    assert workshop.open == []
    assert workshop.stock.counts.models == 0
