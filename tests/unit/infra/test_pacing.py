"""How many reads a process makes when very many answers stream."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from anyio import BrokenResourceError
from anyio.abc import ByteStream
from typing_extensions import override

from cadence.infra.egress.pacing import (
    BULK_BYTES,
    FREE_READS,
    HELD_BYTES,
    LONGEST_WAIT,
    SAVED_UP,
    PacedStream,
    ReadPace,
)


class Connection(ByteStream):
    """A connection that always has `size` bytes."""

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.is_closed = False
        self.is_broken = False
        self.sent: list[bytes] = []

    @property
    @override
    def extra_attributes(self) -> Mapping[Any, Any]:
        return {}

    @override
    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return b"x" * min(self.size, max_bytes)

    @override
    async def send(self, item: bytes) -> None:
        if self.is_broken:
            raise BrokenResourceError
        self.sent.append(item)

    @override
    async def send_eof(self) -> None:
        pass

    @override
    async def aclose(self) -> None:
        self.is_closed = True


def test_few_reads_never_wait() -> None:
    pace = ReadPace(per_second=1000)
    assert [pace.take(now / 500) for now in range(1, 1000)] == [0.0] * 999


def test_many_reads_are_spread_over_the_second() -> None:
    pace = ReadPace(per_second=1000)
    waits = [pace.take(10.0) for _ in range(200)]
    saved = round(SAVED_UP * 1000)
    assert waits[: saved - 1] == [0.0] * (saved - 1)
    assert waits[-1] == pytest.approx((200 - saved) / 1000)
    assert waits == sorted(waits)


def test_nobody_waits_longer_than_the_longest_wait() -> None:
    pace = ReadPace(per_second=100)
    assert max(pace.take(1.0) for _ in range(1000)) == pytest.approx(LONGEST_WAIT)
    assert pace.take(1.0 + LONGEST_WAIT + 1) == 0.0


async def test_the_beginning_of_an_answer_does_not_wait() -> None:
    pace = ReadPace(per_second=1)
    stream = PacedStream(Connection(), pace)
    async with asyncio.timeout(LONGEST_WAIT):
        for _ in range(3):
            await stream.send(b"GET / HTTP/1.1\r\n\r\n")
            for _ in range(FREE_READS):
                await stream.receive()


async def test_more_of_an_answer_waits_for_its_read() -> None:
    loop = asyncio.get_running_loop()
    stream = PacedStream(Connection(), ReadPace(per_second=1))
    for _ in range(FREE_READS):
        await stream.receive()
    began = loop.time()
    await stream.receive()
    assert loop.time() - began >= LONGEST_WAIT


async def test_what_comes_in_bulk_does_not_wait() -> None:
    stream = PacedStream(Connection(BULK_BYTES), ReadPace(per_second=1))
    async with asyncio.timeout(LONGEST_WAIT):
        for _ in range(10 * FREE_READS):
            await stream.receive()


async def test_a_questions_head_and_body_are_sent_together_before_its_answer_is_read() -> None:
    connection = Connection()
    stream = PacedStream(connection, ReadPace())
    await stream.send(b"POST / HTTP/1.1\r\n\r\n")
    await stream.send(b"{}")
    assert connection.sent == []

    await stream.receive()
    await stream.receive()

    assert connection.sent == [b"POST / HTTP/1.1\r\n\r\n{}"]


async def test_a_long_question_does_not_wait_for_its_end() -> None:
    connection = Connection()
    stream = PacedStream(connection, ReadPace())

    for _ in range(3):
        await stream.send(b"x" * HELD_BYTES)

    assert sum(map(len, connection.sent)) >= 2 * HELD_BYTES


async def test_an_answer_of_whoever_does_not_listen_is_read() -> None:
    connection = Connection()
    stream = PacedStream(connection, ReadPace())
    await stream.send(b"POST / HTTP/1.1\r\n\r\n")
    connection.is_broken = True

    assert await stream.receive() == b"x"


async def test_a_question_that_is_broken_off_is_not_put() -> None:
    connection = Connection()
    stream = PacedStream(connection, ReadPace())
    await stream.send(b"POST / HTTP/1.1\r\n\r\n")

    await stream.aclose()

    assert connection.sent == []
    assert connection.is_closed
