"""Whatever happens at once, the pool keeps its promises; Hypothesis looks for what breaks them."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from cadence.infra.away import Store, StoreUnavailable
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.pool.errors import PoolFull
from cadence.pool.ports import Key
from cadence.pool.slot import Built
from cadence.pool.tiers import Tier
from tests.unit.pool.workshop import Broken, HeldLoop, RecordedRuntime, Workshop, settle

T = TypeVar("T")

WAIT_SECONDS = 5
WARM_SECONDS = 100
KEYS = range(3)

# What a turn, or whoever follows events, may be told.
TOLD = (Broken, NotFound, PoolFull, StoreUnavailable)

a_key = st.sampled_from(KEYS)
a_while = st.integers(1, 5)


@dataclass(eq=False)
class Turn:
    """A turn under way: what it read in the database, and what it was lent."""

    key: Key
    wanted: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    built: Built | None = None
    task: "asyncio.Task[None] | None" = None

    @property
    def is_waiting(self) -> bool:
        return self.built is None and self.task is not None and not self.task.done()

    @property
    def runtime(self) -> RecordedRuntime | None:
        if self.built is None:
            return None
        assert isinstance(self.built.runtime, RecordedRuntime)
        return self.built.runtime


class PoolRaces(RuleBasedStateMachine):
    """Turns and events come and go while reading and building are let on or held back."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = HeldLoop()
        self.workshop = Workshop()
        ours, theirs = OrganizationId(new_uuid()), OrganizationId(new_uuid())
        self.keys = [self.workshop.key("1", owner) for owner in (ours, ours, theirs)]
        self.versions = dict.fromkeys(self.keys, 1)
        self.turns: list[Turn] = []
        self.steps = 0
        self.later: list[tuple[int, Callable[[], object]]] = []
        self.followers: list[asyncio.Task[None]] = []

    @initialize(max_hot=st.integers(1, 2), builds=st.integers(1, 4))
    def open(self, max_hot: int, builds: int) -> None:
        self.max_hot = max_hot
        self.pool = self.workshop.pool(
            max_hot=max_hot,
            wait_seconds=WAIT_SECONDS,
            warm_ttl_seconds=WARM_SECONDS,
            builds=builds,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def follow(self, work: Coroutine[Any, Any, None]) -> None:
        async def follow() -> None:
            try:
                await work
            except TOLD:
                return

        self.followers.append(self.loop.create_task(follow()))
        self.run(settle())

    # What turns do.

    # Three rules begin turns: most of what matters happens while several are under way.
    @rule(number=a_key)
    def begin_current_turn(self, number: int) -> None:
        self.begin_turn(number, late=False)

    @rule(number=a_key, late=st.booleans())
    def begin_turn(self, number: int, late: bool) -> None:  # noqa: FBT001  # drawn by Hypothesis
        key = self.keys[number]
        current = self.workshop.hashes.get(key)
        if current is None:
            return
        # A turn may have read the database just before a change.
        turn = Turn(key, wanted=max(1, int(current) - late))
        turn.task = self.loop.create_task(self._play(turn))
        self.turns.append(turn)
        self.run(settle())

    async def _play(self, turn: Turn) -> None:
        try:
            async with self.pool.lease(*turn.key, build_hash=str(turn.wanted)) as built:
                turn.built = built
                await turn.over.wait()
                assert turn.runtime is not None
                assert turn.runtime.closed == 0
        except TOLD:
            return
        finally:
            turn.built = None

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def end_turn(self, data: st.DataObject) -> None:
        turn = self.turns.pop(data.draw(st.integers(0, len(self.turns) - 1)))
        turn.over.set()
        self.run(settle())

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def abandon_turn(self, data: st.DataObject) -> None:
        turn = self.turns.pop(data.draw(st.integers(0, len(self.turns) - 1)))
        assert turn.task is not None
        turn.task.cancel()
        self.run(settle())

    @rule(number=a_key, steps=st.integers(0, 12))
    def begin_turn_and_go_away(self, number: int, steps: int) -> None:
        """Begin a turn that goes away after so many steps of the loop."""
        key = self.keys[number]
        turn = Turn(key, wanted=int(self.workshop.hashes.get(key, "1")))
        turn.task = self.loop.create_task(self._play(turn))

        async def leave() -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            assert turn.task is not None
            turn.task.cancel()

        self.run(leave())
        self.run(settle())

    # What is configured.

    @rule(number=a_key)
    def change(self, number: int) -> None:
        key = self.keys[number]
        self.versions[key] += 1
        self.workshop.hashes[key] = str(self.versions[key])

    @rule(number=a_key)
    def delete(self, number: int) -> None:
        self.workshop.hashes.pop(self.keys[number], None)

    @rule(number=a_key, steps=a_while)
    def break_the_plugin(self, number: int, steps: int) -> None:
        build_hash = self.workshop.hashes.get(self.keys[number], "1")
        self.workshop.broken.add(build_hash)
        self._later(steps, lambda: self.workshop.broken.discard(build_hash))

    @rule(steps=a_while)
    def lose_the_store(self, steps: int) -> None:
        self.workshop.failure = StoreUnavailable(Store.DATABASE)
        self._later(steps, self._find_the_store)

    def _find_the_store(self) -> None:
        self.workshop.failure = None

    # What events ask for.

    @rule(number=a_key)
    def reload(self, number: int) -> None:
        self.follow(self.pool.reload(self.keys[number]))

    @rule(number=a_key, tier=st.sampled_from([Tier.WARM, Tier.HOT]))
    def load(self, number: int, tier: Tier) -> None:
        self.follow(self.pool.load(self.keys[number], tier))

    @rule(number=a_key)
    def unload(self, number: int) -> None:
        self.follow(self.pool.unload(self.keys[number]))

    @rule(number=a_key)
    def drop_organization(self, number: int) -> None:
        self.follow(self.pool.drop_organization(self.keys[number][0]))

    @precondition(lambda self: self.followers)
    @rule()
    def stop_following(self) -> None:
        self.followers.pop().cancel()
        self.run(settle())

    # What time and machines do.

    @rule(seconds=st.sampled_from([0.5, 1, WAIT_SECONDS, 60, WARM_SECONDS]))
    def wait(self, seconds: float) -> None:
        self.workshop.clock.advance(seconds)
        self.loop.held += seconds
        self.run(settle())

    @rule()
    def cool(self) -> None:
        self.pool.cool()

    @rule(steps=a_while)
    def hold_reading(self, steps: int) -> None:
        self.workshop.reading.clear()
        self._later(steps, self.workshop.reading.set)

    @rule(steps=a_while)
    def hold_building(self, steps: int) -> None:
        self.workshop.building.clear()
        self._later(steps, self.workshop.building.set)

    def _later(self, steps: int, do: Callable[[], object]) -> None:
        """Do something after so many steps: nothing bad lasts, or nothing else would happen."""
        self.later.append((self.steps + steps, do))

    @invariant()
    def what_was_held_goes_on(self) -> None:
        self.steps += 1
        due = [do for step, do in self.later if step <= self.steps]
        self.later = [(step, do) for step, do in self.later if step > self.steps]
        for do in due:
            do()
        self.run(settle())

    # What must hold at any time.

    @invariant()
    def nobody_uses_a_closed_one(self) -> None:
        for turn in self.turns:
            assert turn.runtime is None or turn.runtime.closed == 0

    @invariant()
    def nobody_gets_an_older_one_than_asked_for(self) -> None:
        for turn in self.turns:
            assert turn.built is None or int(turn.built.build_hash) >= turn.wanted

    @invariant()
    def each_is_built_by_one_at_a_time_and_closed_at_most_once(self) -> None:
        assert not self.workshop.built_twice_at_once
        assert all(runtime.closed <= 1 for runtime in self.workshop.made)

    @invariant()
    def no_more_are_built_than_may_be(self) -> None:
        told = self.pool.stats()
        assert len(self.workshop.open) == told.hot + told.draining
        hot = {key for key, entry in self.pool.held().items() if entry.tier is Tier.HOT}
        being_built = set(self.workshop.under_way) - hot
        assert told.hot + len(being_built) <= self.max_hot

    @invariant()
    def only_what_a_turn_uses_drains_for_long(self) -> None:
        used = {id(turn.runtime) for turn in self.turns if turn.runtime is not None}
        held = self.pool.held()
        for runtime in self.workshop.open:
            assert id(runtime) in used or held[runtime.key].build_hash == runtime.build_hash

    @invariant()
    def nobody_waits_without_a_reason(self) -> None:
        if not (self.workshop.reading.is_set() and self.workshop.building.is_set()):
            return
        leased = [entry for entry in self.pool.held().values() if entry.is_leased]
        for turn in self.turns:
            assert not turn.is_waiting or len(leased) == self.max_hot

    @override
    def teardown(self) -> None:
        self.workshop.reading.set()
        self.workshop.building.set()
        for turn in self.turns:
            turn.over.set()
        self.run(settle())
        self.run(self.pool.close())
        self.run(settle())
        assert [runtime.closed for runtime in self.workshop.made] == [1] * len(self.workshop.made)
        assert self.workshop.stock.counts.models == 0
        assert self.pool.stats().draining == 0
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()


TestRaces = PoolRaces.TestCase
TestRaces.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
