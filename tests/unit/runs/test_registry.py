"""Runs have an owner: they end in order, whoever cancels them and whenever."""

import asyncio

import pytest

from cadence.kernel.ids import RunId, new_ulid
from cadence.runs.errors import ShuttingDown
from cadence.runs.registry import RunScope, open_run_registry


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def test_cancelling_stops_the_inside_and_not_the_ending() -> None:
    told: list[bool] = []

    async def work(scope: RunScope) -> None:
        told.append(await scope.run(_for_ever))
        await asyncio.sleep(0)
        told.append(True)

    run = RunId(new_ulid())
    async with open_run_registry(grace=1) as runs:
        runs.start(run, work)
        await asyncio.sleep(0)
        assert runs.cancel(run) is True
        assert runs.cancel(run) is False

    assert told == [False, True]


async def test_a_run_cancelled_before_it_began_still_ends_in_order() -> None:
    told: list[bool] = []

    async def work(scope: RunScope) -> None:
        told.append(await scope.run(_for_ever))

    run = RunId(new_ulid())
    async with open_run_registry(grace=1) as runs:
        runs.start(run, work)
        assert runs.cancel(run) is True

    assert told == [False]


async def test_an_exception_inside_comes_out_as_itself() -> None:
    async def broken() -> None:
        raise ValueError("as it was")

    with pytest.raises(ValueError, match="as it was"):
        await RunScope().run(broken)


async def test_one_broken_run_leaves_the_others_alone() -> None:
    ended: list[str] = []

    async def breaks(_: RunScope) -> None:
        raise ValueError("a fault")

    async def works(_: RunScope) -> None:
        await asyncio.sleep(0.01)
        ended.append("works")

    async with open_run_registry(grace=1) as runs:
        runs.start(RunId(new_ulid()), works)
        runs.start(RunId(new_ulid()), breaks)

    assert ended == ["works"]


async def test_a_closing_registry_waits_then_cancels_and_takes_no_more() -> None:
    told: list[bool] = []

    async def work(scope: RunScope) -> None:
        told.append(await scope.run(_for_ever))

    async with open_run_registry(grace=0.05) as runs:
        runs.start(RunId(new_ulid()), work)
        await asyncio.sleep(0)

    assert told == [False]
    assert len(runs) == 0
    with pytest.raises(ShuttingDown):
        runs.require_open()


async def test_an_unknown_run_cannot_be_cancelled() -> None:
    async with open_run_registry(grace=1) as runs:
        assert runs.cancel(RunId("nothing")) is False
