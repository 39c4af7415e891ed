"""What is declared on the broker: one exchange for all, a queue for each process, one for junk."""

from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue

EXCHANGE = "cadence.orchestrators"
DEAD = "cadence.orchestrators.dead"
KEYS = "orchestrator.*"
# Junk is kept for a week and never more than this many, so that nobody can fill a disk with it.
DEAD_ARGUMENTS: dict[str, Any] = {"x-message-ttl": 7 * 24 * 3600 * 1000, "x-max-length": 10_000}
# One after the other: a process need not do two things at once for the sake of order.
UNREAD = 1


@dataclass(frozen=True, slots=True)
class Topology:
    """The exchange to publish to, and the queue that only this process reads."""

    exchange: AbstractExchange
    queue: AbstractQueue


async def declare(channel: AbstractChannel, *, queue_name: str) -> Topology:
    """Declare everything; saying it again changes nothing.

    The queue is exclusive and ends with the connection: two processes of one host never share one,
    and a process that is gone leaves none behind.
    """
    exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
    dead = await channel.declare_exchange(DEAD, aio_pika.ExchangeType.FANOUT, durable=True)
    junk = await channel.declare_queue(DEAD, durable=True, arguments=DEAD_ARGUMENTS)
    await junk.bind(dead)
    await channel.set_qos(prefetch_count=UNREAD)
    queue = await channel.declare_queue(
        queue_name, exclusive=True, arguments={"x-dead-letter-exchange": DEAD}
    )
    await queue.bind(exchange, KEYS)
    return Topology(exchange, queue)
