"""The decoder of OpenAI's wire, beside the library's own: the same words in fewer events."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from cadence.engine.models.openai_events import JoiningDecoder

ABOUT = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
DONE = b"data: [DONE]\n\n"


def chunk(delta: dict[str, Any], **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return b"data: %b\n\n" % orjson.dumps({**ABOUT, "choices": [{**choice, **more}]})


def said(text: str) -> bytes:
    return chunk({"content": text})


async def events_of(decoder: SSEDecoder, parts: Iterable[bytes]) -> list[Any]:
    async def come() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return [
        "done" if event.data.startswith("[DONE]") else event.json()
        async for event in decoder.aiter_bytes(come())
    ]


async def texts_of(parts: Iterable[bytes]) -> list[str]:
    found = await events_of(JoiningDecoder(), parts)
    return [event["choices"][0]["delta"].get("content") for event in found if event != "done"]


async def test_words_that_arrive_together_are_one_event() -> None:
    assert await texts_of([said("one ") + said("two "), said("three") + DONE]) == [
        "one two ",
        "three",
    ]


@pytest.mark.parametrize(
    "other",
    [
        chunk({"content": "x", "reasoning_content": "hm"}),
        chunk({"content": "x", "tool_calls": [{"index": 0}]}),
        chunk({"content": "x"}, finish_reason="stop"),
        chunk({"content": "x"}, logprobs={"content": []}),
        chunk({"content": "x"}, index=1),
        chunk({"content": None}),
        b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"error":{"message":"no"}}\n\n',
        b"data: 7\n\n",
        b'event: ping\ndata: {"choices":[]}\n\n',
    ],
)
async def test_whatever_says_more_stays_an_event_in_its_place(other: bytes) -> None:
    parts = [said("one ") + said("two ") + other + said("three ") + said("four") + DONE]
    found = await events_of(JoiningDecoder(), parts)
    between = (await events_of(SSEDecoder(), [other]))[0]
    assert [event["choices"][0]["delta"]["content"] for event in (found[0], found[2])] == [
        "one two ",
        "three four",
    ]
    assert found[1] == between
    assert found[3] == "done"


async def test_half_a_surrogate_pair_is_read_as_the_library_does() -> None:
    half = b'data: {"choices":[{"index":0,"delta":{"content":"\\ud800"}}]}\n\n'
    assert await texts_of([said("one ") + half]) == ["one ", "\ud800"]


@pytest.mark.parametrize("broken", [b"data: \xff\xfe\n\n", b"data: {half\n\n"])
async def test_what_was_said_before_garbage_is_heard_first(broken: bytes) -> None:
    async def come() -> AsyncIterator[bytes]:
        yield said("one ") + said("two ") + broken

    events = JoiningDecoder().aiter_bytes(come())
    first = await anext(events)
    assert first.json()["choices"][0]["delta"]["content"] == "one two "
    with pytest.raises(ValueError, match=r"utf-8|Expecting"):
        (await anext(events)).json()


async def test_an_event_that_was_cut_off_is_none() -> None:
    assert await texts_of([said("one ") + said("two ")[:-1]]) == ["one "]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
async def test_lines_end_in_every_way(end: bytes) -> None:
    whole = (said("one ") + said("two ") + DONE).replace(b"\n", end)
    for size in (1, 7, len(whole)):
        parts = [whole[place : place + size] for place in range(0, len(whole), size)]
        assert "".join(await texts_of(parts)) == "one two "


async def _until_refused(part: bytes, *, most: int) -> int:
    """Feed a decoder for ever, and return how much it has taken before it raised."""
    taken = 0

    async def come() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += len(part)
            yield part

    with pytest.raises(ValueError, match="longer"):
        _ = [event async for event in JoiningDecoder(most=most).aiter_bytes(come())]
    return taken


@pytest.mark.parametrize("part", [b"x" * 100, b"data: x\n", b"data\n", b"data: x\r\n: beat\n"])
async def test_an_event_that_never_ends_is_refused(part: bytes) -> None:
    assert await _until_refused(part, most=10_000) <= 10_100


async def test_events_that_end_are_no_longer_than_each_of_them() -> None:
    async def come() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield said("word ")
            yield b": beat\n\n"

    decoder = JoiningDecoder(most=1000)
    assert len([event async for event in decoder.aiter_bytes(come())]) == 100


WORDS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=8)


@given(words=WORDS, cuts=st.lists(st.integers(0, 2000), max_size=6), comment=st.booleans())
async def test_no_word_is_lost_however_the_bytes_are_cut(
    words: Sequence[str], cuts: Sequence[int], *, comment: bool
) -> None:
    whole = b"".join(map(said, words)) + (b": beat\n\n" if comment else b"") + DONE
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [whole[start:end] for start, end in pairwise(edges)]
    assert "".join(await texts_of(parts)) == "".join(words)
