"""Answers that are read ahead: nothing lost, nothing left behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cadence.engine.read_ahead import READ_AHEAD_BYTES, JoinedBody


class Body:
    """A body whose parts the test lets arrive."""

    def __init__(self) -> None:
        self.arriving: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.taken = 0
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (part := await self.arriving.get()) is not None:
            if isinstance(part, Exception):
                raise part
            self.taken += 1
            yield part

    async def aclose(self) -> None:
        self.is_closed = True

    def bring(self, *parts: bytes | Exception | None) -> None:
        for part in parts:
            self.arriving.put_nowait(part)


async def read(joined: JoinedBody) -> list[bytes]:
    return [part async for part in joined]


async def test_parts_that_arrive_together_are_one() -> None:
    body = Body()
    joined = JoinedBody(body)
    parts = aiter(joined)
    body.bring(b"one ", b"two ")
    assert await anext(parts) == b"one two "
    body.bring(b"three", None)
    assert await anext(parts) == b"three"
    with pytest.raises(StopAsyncIteration):
        await anext(parts)
    await joined.aclose()
    assert body.is_closed


async def test_what_arrived_before_a_failure_is_heard_first() -> None:
    body = Body()
    body.bring(b"one ", b"two", ConnectionResetError("gone"))
    parts = aiter(JoinedBody(body))
    assert await anext(parts) == b"one two"
    with pytest.raises(ConnectionResetError):
        await anext(parts)


async def test_a_reader_that_comes_again_finds_the_rest() -> None:
    body = Body()
    joined = JoinedBody(body)
    body.bring(b"one")
    assert await anext(aiter(joined)) == b"one"
    body.bring(b"two", None)
    assert await read(joined) == [b"two"]
    assert await read(joined) == []


async def test_a_provider_waits_for_whoever_parses() -> None:
    body = Body()
    body.bring(*[b"x" * READ_AHEAD_BYTES] * 4)
    joined = JoinedBody(body)
    parts = aiter(joined)
    first = await anext(parts)
    assert len(first) == 2 * READ_AHEAD_BYTES
    assert body.taken < 4
    assert len(await anext(parts)) == 2 * READ_AHEAD_BYTES
    await joined.aclose()


async def test_closing_leaves_no_task_behind() -> None:
    body = Body()
    joined = JoinedBody(body)
    body.bring(b"one")
    assert await anext(aiter(joined)) == b"one"
    before = asyncio.all_tasks()
    await joined.aclose()
    assert body.is_closed
    assert len(asyncio.all_tasks()) == len(before) - 1
