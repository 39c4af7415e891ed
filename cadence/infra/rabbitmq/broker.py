"""Publishes events and listens to them, through every loss of the broker."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import aio_pika
import structlog
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPException

from cadence.infra.events.envelopes import BadEnvelope, Envelope, open_envelope, seal
from cadence.infra.events.messages import Listener
from cadence.infra.events.relay import BrokerAway
from cadence.infra.rabbitmq.topology import EXCHANGE, declare
from cadence.kernel.clock import Clock
from cadence.kernel.ids import new_ulid

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5.0
CONFIRM_SECONDS = 5.0
# Seconds between attempts to connect: doubled each time, and shaken so that a fleet spreads out.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
REMEMBERED_IDS = 10_000
TRIES = 3

Catch = Callable[[], Awaitable[None]]
AWAY = (*CONNECTION_EXCEPTIONS, AMQPException, TimeoutError, OSError)


class RabbitEvents:
    """The events of a fleet; one connection, made anew whenever it is lost."""

    def __init__(self, url: str, *, key: bytes, clock: Clock) -> None:
        self._url = url
        self._key = key
        self._clock = clock
        self._exchange: AbstractExchange | None = None
        self._seen: OrderedDict[str, None] = OrderedDict()

    @property
    def is_connected(self) -> bool:
        """Whether events travel at the moment."""
        return self._exchange is not None

    async def publish(self, envelope: Envelope) -> None:
        """Return when the broker has confirmed an event; raises `BrokerAway`."""
        if self._exchange is None:
            raise BrokerAway
        message = aio_pika.Message(
            seal(envelope, self._key),
            message_id=envelope.id,
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        try:
            # Not mandatory: that nobody listens is no failure of the one who tells.
            await self._exchange.publish(
                message,
                routing_key=envelope.event.action,
                mandatory=False,
                timeout=CONFIRM_SECONDS,
            )
        except AWAY as failure:
            raise BrokerAway from failure

    @asynccontextmanager
    async def listening(self, listener: Listener, *, caught_up: Catch) -> AsyncIterator[None]:
        """Deliver events to `listener` until the block ends.

        `caught_up` is called after each connection is made, also after the first: what was told
        meanwhile went by, so it has to compare with the database.
        """
        # The client swallows a cancellation that comes just when the broker has answered.
        leaving = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            staying = tasks.create_task(self._stay_connected(listener, caught_up, leaving=leaving))
            try:
                yield
            finally:
                leaving.set()
                staying.cancel()

    async def _stay_connected(
        self, listener: Listener, caught_up: Catch, *, leaving: asyncio.Event
    ) -> None:
        pause = FIRST_PAUSE
        while not leaving.is_set():
            try:
                await self._connected(listener, caught_up, leaving=leaving)
                pause = FIRST_PAUSE
            except AWAY as failure:
                log.warning("broker_away", error=type(failure).__name__, again_in=round(pause, 1))
            # No secret hangs on it.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _connected(
        self, listener: Listener, caught_up: Catch, *, leaving: asyncio.Event
    ) -> None:
        """Connect, listen, and return when the connection is lost."""
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await aio_pika.connect(self._url, timeout=CONNECT_SECONDS)
        async with connection:
            lost = asyncio.Event()
            channel = await connection.channel(publisher_confirms=True)
            # `closed()` of either is done only by our own call to close it.
            connection.close_callbacks.add(lambda *_: lost.set())
            channel.close_callbacks.add(lambda *_: lost.set())
            topology = await declare(channel, queue_name=f"{EXCHANGE}.{new_ulid()}")
            await topology.queue.consume(partial(self._receive, listener))
            self._exchange = topology.exchange
            log.info("broker_connected")
            try:
                await caught_up()
                if not leaving.is_set():
                    await lost.wait()
            finally:
                self._exchange = None

    async def _receive(self, listener: Listener, message: AbstractIncomingMessage) -> None:
        try:
            envelope = open_envelope(message.body, self._key, now=self._clock.now())
        except BadEnvelope as bad:
            log.warning("event_refused", reason=str(bad), size=len(message.body))
            await message.reject(requeue=False)
            return
        if self._is_repeated(envelope.id):
            await message.ack()
            return
        if await self._deliver(envelope, listener):
            await message.ack()
        else:
            await message.reject(requeue=False)

    async def _deliver(self, envelope: Envelope, listener: Listener) -> bool:
        for attempt in range(1, TRIES + 1):
            try:
                await listener(envelope.event)
            except Exception:  # the outermost loop of a consumer: one bad event must not end it
                log.exception("event_failed", action=envelope.event.action, attempt=attempt)
                await asyncio.sleep(FIRST_PAUSE * attempt)
            else:
                return True
        return False

    def _is_repeated(self, event_id: str) -> bool:
        if event_id in self._seen:
            return True
        self._seen[event_id] = None
        if len(self._seen) > REMEMBERED_IDS:
            self._seen.popitem(last=False)
        return False
