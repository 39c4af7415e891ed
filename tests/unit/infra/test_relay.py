"""The outbox: told after the commit, told until it is confirmed, and no more."""

import asyncio

import pytest
from typing_extensions import override

from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.events.envelopes import Envelope
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.infra.events.relay import BATCH, BrokerAway, OutboxRelay, outbox_row
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import new_uuid

ACME = str(new_uuid())


class Broker:
    """Confirms what it is given, unless it is away or has had enough."""

    def __init__(self) -> None:
        self.confirmed: list[Envelope] = []
        self.takes = 10**9

    async def publish(self, envelope: Envelope) -> None:
        if len(self.confirmed) >= self.takes:
            raise BrokerAway
        self.confirmed.append(envelope)


def event(number: int) -> OrchestratorEvent:
    return OrchestratorEvent(
        action=Action.RELOAD, organization_id=ACME, orchestrator_id=str(number), config_hash="h"
    )


async def tell(sessions: Sessions, *numbers: int) -> None:
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        for number in numbers:
            session.add(outbox_row(event(number), now=SystemClock().now()))


def told(broker: Broker) -> list[str | None]:
    return [envelope.event.orchestrator_id for envelope in broker.confirmed]


async def test_what_is_committed_is_told_once_and_in_order(sessions: Sessions) -> None:
    broker = Broker()
    relay = OutboxRelay(sessions, broker)
    await tell(sessions, 1, 2)
    await tell(sessions, 3)

    assert await relay.send_some() == 3
    assert await relay.send_some() == 0

    assert told(broker) == ["1", "2", "3"]
    assert broker.confirmed[0].event == event(1)


async def test_what_is_rolled_back_is_not_told(sessions: Sessions) -> None:
    broker = Broker()
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(outbox_row(event(1), now=SystemClock().now()))
        await session.flush()
        await session.rollback()

    assert await OutboxRelay(sessions, broker).send_some() == 0


async def test_what_the_broker_did_not_confirm_waits(sessions: Sessions) -> None:
    broker = Broker()
    broker.takes = 2
    relay = OutboxRelay(sessions, broker)
    await tell(sessions, 1, 2, 3)
    with pytest.raises(BrokerAway):
        await relay.send_some()

    broker.takes = 10
    await relay.send_some()

    assert told(broker) == ["1", "2", "3"]


async def test_a_running_relay_sends_what_it_is_woken_for(sessions: Sessions) -> None:
    broker = Broker()
    relay = OutboxRelay(sessions, broker)
    async with relay.running():
        await tell(sessions, *range(BATCH + 5))
        relay.wake()
        async with asyncio.timeout(10):
            while len(broker.confirmed) < BATCH + 5:  # noqa: ASYNC110  # a fake tells nobody
                await asyncio.sleep(0.01)

    assert told(broker) == [str(number) for number in range(BATCH + 5)]


async def test_what_another_process_left_behind_is_found(sessions: Sessions) -> None:
    await tell(sessions, 1)
    broker = Broker()

    async with OutboxRelay(sessions, broker).running(), asyncio.timeout(10):
        while not broker.confirmed:  # noqa: ASYNC110  # a fake tells nobody
            await asyncio.sleep(0.01)

    assert told(broker) == ["1"]


class SlowBroker(Broker):
    """Takes a moment to confirm, and says when it has begun to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    @override
    async def publish(self, envelope: Envelope) -> None:
        self.asked.set()
        await asyncio.sleep(0.2)
        await super().publish(envelope)


async def test_a_process_that_ends_finishes_what_it_is_telling(sessions: Sessions) -> None:
    await tell(sessions, 1)
    broker = SlowBroker()
    relay = OutboxRelay(sessions, broker)

    async with relay.running():
        await broker.asked.wait()

    assert told(broker) == ["1"]
    assert await relay.send_some() == 0
