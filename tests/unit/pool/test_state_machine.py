"""The pool does what the simple model of it does, whatever is asked in whichever order."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from cadence.kernel.errors import CadenceError
from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.pool.slot import Built
from cadence.pool.tiers import Tier
from tests.unit.pool.pool_model import ModelSlot, PoolModel, Told
from tests.unit.pool.workshop import HeldLoop, RecordedRuntime, Workshop, settle

WAIT_SECONDS = 5
WARM_SECONDS = 100
KEYS = range(3)

a_key = st.sampled_from(KEYS)


@dataclass(frozen=True, eq=False)
class Lease:
    """What is lent, in the pool and in the model of it."""

    context: AsyncExitStack
    built: Built
    slot: ModelSlot


class PoolMachine(RuleBasedStateMachine):
    """Does everything in the pool and in the model; both must tell and have the same."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = HeldLoop()
        self.workshop = Workshop()
        ours, theirs = OrganizationId(new_uuid()), OrganizationId(new_uuid())
        self.keys = [self.workshop.key("1", owner) for owner in (ours, ours, theirs)]
        self.leases: list[Lease] = []

    @initialize(max_hot=st.integers(1, 2))
    def open(self, max_hot: int) -> None:
        self.pool = self.workshop.pool(
            max_hot=max_hot, wait_seconds=WAIT_SECONDS, warm_ttl_seconds=WARM_SECONDS
        )
        self.model = PoolModel(
            max_hot=max_hot,
            warm_seconds=WARM_SECONDS,
            hashes=self.workshop.hashes,
            broken=self.workshop.broken,
        )

    def ask(self, work: Coroutine[Any, Any, object]) -> object:
        """Return what is answered or raised, at the latest when nobody waits for a place."""
        asked = self.loop.create_task(_caught(work))
        self.loop.run_until_complete(settle())
        if not asked.done():
            self.loop.held += WAIT_SECONDS
        return self.loop.run_until_complete(asked)

    # Three rules lease: most of what matters happens while several are leased.
    @rule(number=a_key)
    def lease_what_is_configured(self, number: int) -> None:
        self.lease_planned(number, self.workshop.hashes.get(self.keys[number], "1"))

    @rule(number=a_key)
    def lease_and_release(self, number: int) -> None:
        held = len(self.leases)
        self.lease_what_is_configured(number)
        if len(self.leases) > held:
            self.release_one(held)

    @rule(number=a_key, build_hash=st.sampled_from("123"))
    def lease_planned(self, number: int, build_hash: str) -> None:
        key = self.keys[number]
        context = AsyncExitStack()
        expected = self.model.lease(key, build_hash)
        told = self.ask(context.enter_async_context(self.pool.lease(*key, build_hash=build_hash)))
        if isinstance(expected, ModelSlot):
            assert isinstance(told, Built)
            assert told.build_hash == expected.build_hash
            self.leases.append(Lease(context, told, expected))
        else:
            assert type(told) is expected

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.release_one(data.draw(st.integers(0, len(self.leases) - 1)))

    def release_one(self, number: int) -> None:
        lease = self.leases.pop(number)
        self.model.release(lease.slot)
        self.ask(lease.context.aclose())

    @rule(number=a_key, tier=st.sampled_from([Tier.WARM, Tier.HOT]))
    def load(self, number: int, tier: Tier) -> None:
        key = self.keys[number]
        self._agree(self.model.load(key, tier), self.ask(self.pool.load(key, tier)))

    @rule(number=a_key)
    def reload(self, number: int) -> None:
        key = self.keys[number]
        self._agree(self.model.reload(key), self.ask(self.pool.reload(key)))

    @rule(number=a_key)
    def unload(self, number: int) -> None:
        self.model.unload(self.keys[number])
        self.ask(self.pool.unload(self.keys[number]))

    @rule(number=a_key)
    def drop_organization(self, number: int) -> None:
        owner = self.keys[number][0]
        for key in self.keys:
            if key[0] == owner:
                self.model.unload(key)
        self.ask(self.pool.drop_organization(owner))

    @rule(number=a_key, build_hash=st.sampled_from("123"))
    def change(self, number: int, build_hash: str) -> None:
        self.workshop.hashes[self.keys[number]] = build_hash

    @rule(number=a_key)
    def delete(self, number: int) -> None:
        self.workshop.hashes.pop(self.keys[number], None)

    @rule(build_hash=st.sampled_from("123"))
    def break_or_mend(self, build_hash: str) -> None:
        self.workshop.broken ^= {build_hash}
        self.model.broken = self.workshop.broken

    @rule(seconds=st.sampled_from([0.5, 1, 3, 60, WARM_SECONDS]))
    def wait_and_cool(self, seconds: float) -> None:
        self.workshop.clock.advance(seconds)
        self.model.now += seconds
        self.model.cool()
        self.pool.cool()

    def _agree(self, expected: Told, told: object) -> None:
        assert told is None if expected is None else type(told) is expected

    @invariant()
    def every_orchestrator_is_as_in_the_model(self) -> None:
        for key in self.keys:
            told = self.pool.find(key)
            known = self.model.known.get(key)
            assert told.tier is self.model.tier(key)
            assert told.build_hash == (known and known.build_hash)
            assert (told.last_error is None) is (known is None or known.failure is None)
            slot = None if known is None else known.slot
            assert told.is_leased is (slot is not None and slot.leases > 0)

    @invariant()
    def as_much_has_been_done_as_in_the_model(self) -> None:
        told, model = self.pool.stats(), self.model
        assert (told.hot, told.warm) == (model.count(Tier.HOT), model.count(Tier.WARM))
        assert told.draining == len(model.draining)
        assert (told.hits, told.misses) == (model.hits, model.misses)
        assert (told.builds, told.build_failures) == (model.built, model.failed)
        assert told.evictions == model.evictions
        assert len(self.workshop.loads) == model.reads

    @invariant()
    def what_is_shared_is_what_is_open(self) -> None:
        kinds = {(runtime.key[0], runtime.build_hash) for runtime in self.workshop.open}
        assert self.pool.stats().shared.models == len(kinds)

    @invariant()
    def nothing_lent_is_closed(self) -> None:
        for lease in self.leases:
            assert isinstance(lease.built.runtime, RecordedRuntime)
            assert lease.built.runtime.closed == 0

    @override
    def teardown(self) -> None:
        for lease in self.leases:
            self.ask(lease.context.aclose())
        self.ask(self.pool.close())
        assert [runtime.closed for runtime in self.workshop.made] == [1] * len(self.workshop.made)
        assert self.workshop.stock.counts.models == 0
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()


async def _caught(work: Coroutine[Any, Any, object]) -> object:
    try:
        return await work
    except CadenceError as told:
        return told
    finally:
        await settle()


TestStateMachine = PoolMachine.TestCase
TestStateMachine.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
