"""The pool builds once, lends, replaces and closes; never under a user's feet."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from cadence.engine.contract import Graph, Turn
from cadence.engine.events import RuntimeEvent
from cadence.engine.spec import ModelSpec, Provider
from cadence.kernel.ids import OrchestratorId, OrganizationId, new_uuid
from cadence.pool.pool import Pool
from cadence.pool.slot import Built

ORGANIZATION = OrganizationId(new_uuid())
MODEL = ModelSpec(
    provider=Provider.OFFLINE, model="offline-1", base_url="http://127.0.0.1:1/v1", api_key=""
)


class RecordedRuntime:
    """A runtime that only knows whether it has been closed."""

    def __init__(self, build_hash: str) -> None:
        self.build_hash = build_hash
        self.closed = 0

    async def stream(self, turn: Turn) -> AsyncGenerator[RuntimeEvent, None]:
        nothing: tuple[RuntimeEvent, ...] = ()
        for event in nothing:
            yield event

    def graph(self) -> Graph:
        raise AssertionError("nobody looks at it")

    async def close(self) -> None:
        self.closed += 1


def _same(lent: Built, made: RecordedRuntime) -> bool:
    return id(lent.runtime) == id(made)


class Workshop:
    """Builds recorded runtimes from whatever hash is current, and counts them."""

    def __init__(self) -> None:
        self.current = "1"
        self.made: list[RecordedRuntime] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def build(self, organization: OrganizationId, instance: OrchestratorId) -> Built:
        await self.gate.wait()
        if self.current == "broken":
            raise ValueError("cannot be built")
        runtime = RecordedRuntime(self.current)
        self.made.append(runtime)
        return Built(build_hash=self.current, model=MODEL, runtime=runtime, plugins=[])


def _instance() -> OrchestratorId:
    return OrchestratorId(new_uuid())


async def test_what_is_built_is_lent_again() -> None:
    workshop = Workshop()
    pool = Pool(workshop.build, max_hot=2)
    instance = _instance()

    for _ in range(3):
        async with pool.lease(ORGANIZATION, instance, build_hash="1") as built:
            assert _same(built, workshop.made[0])

    assert len(workshop.made) == 1
    assert workshop.made[0].closed == 0


async def test_many_who_ask_at_once_wait_for_one_build() -> None:
    workshop = Workshop()
    workshop.gate.clear()
    pool = Pool(workshop.build, max_hot=2)
    instance = _instance()

    async def ask() -> None:
        async with pool.lease(ORGANIZATION, instance, build_hash="1"):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(ask())
        await asyncio.sleep(0.01)
        workshop.gate.set()

    assert len(workshop.made) == 1


async def test_a_changed_orchestrator_is_replaced_and_the_old_one_finishes_its_turn() -> None:
    workshop = Workshop()
    pool = Pool(workshop.build, max_hot=2)
    instance = _instance()

    async with pool.lease(ORGANIZATION, instance, build_hash="1"):
        workshop.current = "2"
        async with pool.lease(ORGANIZATION, instance, build_hash="2") as newer:
            assert _same(newer, workshop.made[1])
        assert workshop.made[0].closed == 0

    assert [runtime.closed for runtime in workshop.made] == [1, 0]


async def test_the_least_recently_used_one_goes_first() -> None:
    workshop = Workshop()
    pool = Pool(workshop.build, max_hot=2)
    first, second, third = _instance(), _instance(), _instance()

    for instance in (first, second, first, third):
        async with pool.lease(ORGANIZATION, instance, build_hash="1"):
            pass

    assert [runtime.closed for runtime in workshop.made] == [0, 1, 0]
    assert len(pool) == 2


async def test_a_leased_one_is_never_evicted() -> None:
    workshop = Workshop()
    pool = Pool(workshop.build, max_hot=1)

    async with (
        pool.lease(ORGANIZATION, _instance(), build_hash="1"),
        pool.lease(ORGANIZATION, _instance(), build_hash="1"),
    ):
        assert [runtime.closed for runtime in workshop.made] == [0, 0]
        assert len(pool) == 2


async def test_a_build_that_fails_leaves_the_next_one_free() -> None:
    workshop = Workshop()
    pool = Pool(workshop.build, max_hot=1)
    instance = _instance()
    workshop.current = "broken"
    with pytest.raises(ValueError, match="cannot be built"):
        async with pool.lease(ORGANIZATION, instance, build_hash="1"):
            pass

    workshop.current = "1"
    async with pool.lease(ORGANIZATION, instance, build_hash="1") as built:
        assert _same(built, workshop.made[0])


async def test_a_refreshed_one_is_built_anew_for_the_next_turn() -> None:
    workshop = Workshop()
    pool = Pool(workshop.build, max_hot=1)
    instance = _instance()

    async with pool.lease(ORGANIZATION, instance, build_hash="1"):
        await pool.refresh(ORGANIZATION, instance)
        assert workshop.made[0].closed == 0
    assert workshop.made[0].closed == 1

    async with pool.lease(ORGANIZATION, instance, build_hash="1") as built:
        assert _same(built, workshop.made[1])


async def test_closing_the_pool_closes_everything_once() -> None:
    workshop = Workshop()
    pool = Pool(workshop.build, max_hot=5)
    for _ in range(3):
        async with pool.lease(ORGANIZATION, _instance(), build_hash="1"):
            pass

    await pool.close()
    await pool.close()

    assert [runtime.closed for runtime in workshop.made] == [1, 1, 1]
