"""How many reads a process makes when very many answers stream."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from anyio.abc import ByteStream
from typing_extensions import override

from cadence.infra.egress.pacing import (
    BULK_BYTES,
    FREE_READS,
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

    @property
    @override
    def extra_attributes(self) -> Mapping[Any, Any]:
        return {}

    @override
    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return b"x" * min(self.size, max_bytes)

    @override
    async def send(self, item: bytes) -> None:
        pass

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
