"""What the pool is made to do by what is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.kernel.errors import CadenceError
from cadence.kernel.ids import OrchestratorId, OrganizationId, new_uuid
from cadence.pool.entry import PoolEntry
from cadence.pool.following import PoolFollower
from cadence.pool.ports import Blueprint, Key
from cadence.pool.tiers import Tier

ACME, RIVAL = OrganizationId(new_uuid()), OrganizationId(new_uuid())


class Source:
    """A database that says what each is to be built from."""

    def __init__(self) -> None:
        self.hashes: dict[Key, str | None] = {}
        self.asked = 0

    async def load(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId
    ) -> Blueprint:
        raise NotImplementedError

    async def current_hashes(self, keys: Sequence[Key]) -> Mapping[Key, str | None]:
        self.asked += 1
        return {key: self.hashes.get(key) for key in keys}

    async def list_recent(self, *, limit: int | None) -> Sequence[Key]:
        return []


class RecordingPool:
    """Notes what it is asked to do; a reload takes as long as `gate` is closed."""

    def __init__(self) -> None:
        self.done: list[tuple[str, object]] = []
        self.entries: dict[Key, PoolEntry] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures: list[Exception] = []

    def held(self) -> Mapping[Key, PoolEntry]:
        return self.entries

    async def reload(self, key: Key) -> None:
        self.done.append(("reload", key))
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop()

    async def load(self, key: Key, tier: Tier) -> None:
        self.done.append((f"load {tier}", key))

    async def unload(self, key: Key) -> None:
        self.done.append(("unload", key))

    async def drop_organization(self, organization_id: OrganizationId) -> None:
        self.done.append(("drop", organization_id))


@pytest.fixture
def pool() -> RecordingPool:
    return RecordingPool()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def follower(pool: RecordingPool, source: Source) -> AsyncIterator[PoolFollower]:
    follower = PoolFollower(pool, source)  # type: ignore[arg-type]  # as much of one as is asked
    async with follower.running():
        yield follower


def new_key(owner: OrganizationId = ACME) -> Key:
    return (owner, OrchestratorId(new_uuid()))


def event(action: Action, key: Key, *, tier: str | None = None) -> OrchestratorEvent:
    return OrchestratorEvent(
        action=action, organization_id=str(key[0]), orchestrator_id=str(key[1]), tier=tier
    )


async def settled(pool: RecordingPool, count: int) -> None:
    async with asyncio.timeout(5):
        while len(pool.done) < count:  # noqa: ASYNC110  # a recorder tells nobody
            await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)


async def test_each_action_does_its_own(pool: RecordingPool, follower: PoolFollower) -> None:
    key = new_key()
    for told in (
        event(Action.RELOAD, key),
        event(Action.LOAD, new_key(), tier="warm"),
        event(Action.LOAD, new_key()),
        event(Action.UNLOAD, new_key()),
    ):
        await follower.hear(told)
    await settled(pool, 4)

    assert sorted(what for what, _ in pool.done) == ["load hot", "load warm", "reload", "unload"]


async def test_many_changes_of_one_are_followed_twice_at_most(
    pool: RecordingPool, follower: PoolFollower
) -> None:
    key = new_key()
    pool.gate.clear()
    await follower.hear(event(Action.RELOAD, key))
    await settled(pool, 1)

    for _ in range(200):
        await follower.hear(event(Action.RELOAD, key))
    pool.gate.set()
    await settled(pool, 2)

    assert pool.done == [("reload", key)] * 2


@pytest.mark.parametrize(
    ("waiting", "expected"), [(Action.LOAD, "load hot"), (Action.UNLOAD, "unload")]
)
async def test_a_change_does_not_push_aside_what_was_asked_for_by_hand(
    pool: RecordingPool, follower: PoolFollower, *, waiting: Action, expected: str
) -> None:
    key = new_key()
    pool.gate.clear()
    await follower.hear(event(Action.RELOAD, key))
    await settled(pool, 1)

    await follower.hear(event(waiting, key))
    await follower.hear(event(Action.RELOAD, key))
    pool.gate.set()
    await settled(pool, 2)

    assert pool.done == [("reload", key), (expected, key)]


async def test_a_slow_one_keeps_no_other_waiting(
    pool: RecordingPool, follower: PoolFollower
) -> None:
    pool.gate.clear()
    await follower.hear(event(Action.RELOAD, new_key()))
    other = new_key()

    await follower.hear(event(Action.UNLOAD, other))
    await settled(pool, 2)

    assert pool.done[1] == ("unload", other)
    pool.gate.set()


@pytest.mark.parametrize("failure", [CadenceError("made up"), RuntimeError("made up")])
async def test_one_that_fails_is_followed_again_when_told_again(
    pool: RecordingPool, follower: PoolFollower, failure: Exception
) -> None:
    key = new_key()
    pool.failures.append(failure)
    await follower.hear(event(Action.RELOAD, key))
    await settled(pool, 1)

    await follower.hear(event(Action.RELOAD, key))
    await settled(pool, 2)

    assert pool.done == [("reload", key)] * 2


async def test_after_a_silence_only_what_differs_is_reloaded(
    pool: RecordingPool, source: Source, *, follower: PoolFollower
) -> None:
    same, changed, gone = new_key(), new_key(), new_key(RIVAL)
    for key in (same, changed, gone):
        pool.entries[key] = PoolEntry(tier=Tier.HOT, build_hash="old")
    source.hashes = {same: "old", changed: "new"}

    await follower.compare()
    await settled(pool, 2)

    assert sorted(pool.done, key=str) == sorted([("reload", changed), ("reload", gone)], key=str)
    assert source.asked == 1


async def test_what_is_told_of_an_organization_concerns_its_own_alone(
    pool: RecordingPool, follower: PoolFollower
) -> None:
    ours, theirs = new_key(), new_key(RIVAL)
    for key in (ours, theirs):
        pool.entries[key] = PoolEntry(tier=Tier.HOT, build_hash="old")

    await follower.hear(
        OrchestratorEvent(action=Action.RELOAD, organization_id=str(ACME), orchestrator_id=None)
    )
    await follower.hear(
        OrchestratorEvent(action=Action.UNLOAD, organization_id=str(RIVAL), orchestrator_id=None)
    )
    await settled(pool, 2)

    assert sorted(pool.done, key=str) == sorted([("drop", RIVAL), ("reload", ours)], key=str)


async def test_nothing_held_asks_nothing(source: Source, follower: PoolFollower) -> None:
    await follower.compare()

    assert source.asked == 0
