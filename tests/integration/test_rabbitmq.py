"""Events over a real RabbitMQ: to every process, only ours, through a restart of the broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aio_pika
import pytest

from cadence.infra.events.envelopes import Envelope, seal
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.infra.events.relay import BrokerAway
from cadence.infra.rabbitmq.broker import RabbitEvents
from cadence.infra.rabbitmq.topology import DEAD, EXCHANGE
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import new_ulid
from tests.fixtures.rabbitmq import RabbitServer, open_rabbit_server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rabbitmq")]

KEY = b"k" * 32
CLOCK = SystemClock()
# Enough to meet each step of a connection that is being made, in seconds.
LEAVINGS, CONNECTED_AFTER = 200, 0.04
LET_GO_WITHIN = 10


def envelope(name: str) -> Envelope:
    event = OrchestratorEvent(
        action=Action.RELOAD, organization_id="o", orchestrator_id=name, config_hash="h"
    )
    return Envelope(id=new_ulid(), at=CLOCK.now(), event=event)


class Node:
    """One process's end of the broker, and what it has heard."""

    def __init__(self, url: str) -> None:
        self.events = RabbitEvents(url, key=KEY, clock=CLOCK)
        self.heard: list[str | None] = []
        self.connections = 0
        self.failures_left = 0

    async def listen(self, event: OrchestratorEvent) -> None:
        if self.failures_left:
            self.failures_left -= 1
            raise RuntimeError("made up")
        self.heard.append(event.orchestrator_id)

    async def catch_up(self) -> None:
        self.connections += 1


async def until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for is elsewhere
            await asyncio.sleep(0.02)


@pytest.fixture
async def nodes(rabbitmq_url: str) -> AsyncIterator[list[Node]]:
    nodes = [Node(rabbitmq_url), Node(rabbitmq_url)]
    async with AsyncExitStack() as stack:
        for node in nodes:
            listening = node.events.listening(node.listen, caught_up=node.catch_up)
            await stack.enter_async_context(listening)
        await until(lambda: all(node.connections for node in nodes))
        yield nodes


async def send_raw(url: str, *bodies: bytes) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE)
        for body in bodies:
            await exchange.publish(aio_pika.Message(body), routing_key=Action.RELOAD)


async def count_dead(url: str) -> int:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(DEAD, passive=True)
        return queue.declaration_result.message_count or 0


async def test_every_process_hears_of_it_also_the_one_that_told(nodes: list[Node]) -> None:
    await nodes[0].events.publish(envelope("a"))

    await until(lambda: all(node.heard == ["a"] for node in nodes))


async def test_a_repetition_is_heard_once(nodes: list[Node], rabbitmq_url: str) -> None:
    same = seal(envelope("again"), KEY)
    await send_raw(rabbitmq_url, *[same] * 100, seal(envelope("last"), KEY))

    await until(lambda: all("last" in node.heard for node in nodes))

    assert all(node.heard == ["again", "last"] for node in nodes)


async def test_what_is_not_ours_goes_to_the_dead_letters(
    nodes: list[Node], rabbitmq_url: str
) -> None:
    before = await count_dead(rabbitmq_url)
    forged = seal(envelope("forged"), b"x" * 32)

    await send_raw(rabbitmq_url, b"garbage", forged, b"{}", b"x" * 10_000_000)
    await nodes[0].events.publish(envelope("good"))

    await until(lambda: all("good" in node.heard for node in nodes))
    assert all(node.heard == ["good"] for node in nodes)
    async with asyncio.timeout(10):
        while await count_dead(rabbitmq_url) < before + 8:  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(0.1)


async def test_an_event_that_fails_is_tried_three_times_and_put_aside(
    nodes: list[Node], rabbitmq_url: str
) -> None:
    before = await count_dead(rabbitmq_url)
    nodes[0].failures_left, nodes[1].failures_left = 2, 3

    await nodes[0].events.publish(envelope("hard"))
    await nodes[0].events.publish(envelope("easy"))

    await until(lambda: all("easy" in node.heard for node in nodes))
    await until(lambda: "hard" in nodes[0].heard)
    assert "hard" not in nodes[1].heard
    async with asyncio.timeout(10):
        while await count_dead(rabbitmq_url) < before + 1:  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(0.1)


async def test_whoever_leaves_while_the_connection_is_made_is_let_go(rabbitmq_url: str) -> None:
    for number in range(LEAVINGS):
        node = Node(rabbitmq_url)
        async with asyncio.timeout(LET_GO_WITHIN):
            async with node.events.listening(node.listen, caught_up=node.catch_up):
                # Each time a little later, until it has been made for some time.
                await asyncio.sleep(number / LEAVINGS * CONNECTED_AFTER)


async def test_a_broker_that_restarts_is_connected_to_again(tmp_path: Path) -> None:
    for server in open_rabbit_server(tmp_path):
        await _restart_under(server)


async def _restart_under(server: RabbitServer) -> None:
    node = Node(server.url)
    async with node.events.listening(node.listen, caught_up=node.catch_up):
        await until(lambda: node.connections == 1)
        await asyncio.to_thread(server.stop)
        with pytest.raises(BrokerAway):
            await node.events.publish(envelope("lost"))

        await asyncio.to_thread(server.start)
        await until(lambda: node.connections == 2, seconds=60)
        await node.events.publish(envelope("back"))
        await until(lambda: node.heard == ["back"])
