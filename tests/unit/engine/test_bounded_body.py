"""Answers that are longer than any."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import httpx2
import pytest
from typing_extensions import override

from cadence.engine.bounded_body import BoundedBody
from cadence.engine.transports import prepare

PACKED = gzip.compress(b"x" * 1_000_000)


@dataclass(frozen=True, slots=True)
class Transports:
    """Two clients."""

    httpx: httpx.AsyncClient
    httpx2: httpx2.AsyncClient


class Packed(httpx2.AsyncByteStream):
    """A short body that unpacks to a long one."""

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield PACKED


class Body:
    """A body without end."""

    def __init__(self) -> None:
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b"four"

    async def aclose(self) -> None:
        self.is_closed = True


async def test_a_body_is_read_as_far_as_any_answer_goes() -> None:
    body = Body()
    bounded = BoundedBody(body, most=10)
    parts = aiter(bounded)

    assert [await anext(parts), await anext(parts)] == [b"four", b"four"]
    with pytest.raises(ValueError, match="longer"):
        await anext(parts)
    await bounded.aclose()

    assert body.is_closed


async def test_a_packed_answer_is_not_unpacked() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["accept-encoding"] == "identity"
        headers = {"content-encoding": "gzip"}
        return httpx2.Response(200, headers=headers, stream=Packed())

    async with (
        httpx.AsyncClient(trust_env=False) as one,
        httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as two,
    ):
        prepare(Transports(one, two))
        answered = await two.get("http://model.example/")

    assert answered.content == PACKED
