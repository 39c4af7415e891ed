"""Places are given in the order of asking, each to one who still waits."""

import asyncio

import pytest

from cadence.pool.errors import PoolFull
from cadence.pool.places import Places
from tests.unit.pool.workshop import settle

LONG = 60.0


def never() -> bool:
    return False


async def test_who_comes_later_does_not_overtake_those_who_wait() -> None:
    may_make_room = False
    places = Places(0, make_room=lambda: may_make_room)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(places.take(within=LONG))
        await settle()
        # Room could be made from now on, but nobody has looked yet.
        may_make_room = True
        second = tasks.create_task(places.take(within=LONG))
        await settle()
        assert not second.done()

        places.look_again()
        await settle()
        assert first.done()
        assert second.done()


async def test_a_place_given_to_who_is_just_leaving_goes_to_the_next_one() -> None:
    places = Places(1, make_room=never)
    await places.take(within=LONG)
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(places.take(within=LONG))
        next_one = tasks.create_task(places.take(within=LONG))
        await settle()

        places.give_back()
        leaving.cancel()
        await settle()

        assert leaving.cancelled()
        assert next_one.done()


async def test_who_has_left_at_the_same_moment_is_passed_over() -> None:
    places = Places(1, make_room=never)
    await places.take(within=LONG)
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(places.take(within=LONG))
        next_one = tasks.create_task(places.take(within=LONG))
        await settle()

        leaving.cancel()
        places.give_back()
        await settle()

        assert next_one.done()


async def test_who_waited_too_long_is_told_and_takes_nothing() -> None:
    places = Places(1, make_room=never)
    await places.take(within=LONG)

    with pytest.raises(PoolFull):
        await places.take(within=0.001)

    places.give_back()
    assert places.has_free
