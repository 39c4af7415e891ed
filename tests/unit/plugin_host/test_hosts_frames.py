"""Frames come out as they went in, however the wire cuts them, and what is none is refused."""

import asyncio
import math
import os
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cadence.plugin_host.frames import (
    LENGTH,
    FrameInvalid,
    FrameReader,
    FrameTooLong,
    largest_reply,
    write_frame,
    write_ready_frame,
)
from cadence.plugin_host.inside.results import write_results
from cadence.plugin_host.output import follow

LIMIT = 100_000
FITTING = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | FITTING,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(FITTING, inner, max_size=5),
    max_leaves=20,
)


def _read(*chunks: bytes, limit: int = LIMIT) -> list[dict[str, Any]]:
    reader = FrameReader(limit=limit)
    return [message for chunk in chunks for message in reader.feed(chunk)]


@given(messages=st.lists(st.dictionaries(FITTING, VALUES, max_size=5), max_size=5), data=st.data())
def test_messages_come_out_as_they_went_in(
    messages: list[dict[str, Any]], data: st.DataObject
) -> None:
    wire = b"".join(map(write_frame, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=5)))
    chunks = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]

    assert _read(*chunks) == messages


@given(value=VALUES)
def test_a_result_comes_out_as_the_tool_gave_it(value: Any) -> None:
    (message,) = _read(write_ready_frame(write_results(value, value, limit=LIMIT)))

    assert message == {"read": value}


@given(noise=st.binary(max_size=200))
def test_noise_is_no_frame_or_a_message(noise: bytes) -> None:
    try:
        found = _read(LENGTH.pack(len(noise)) + noise)
    except FrameInvalid:
        return
    assert all(isinstance(each, dict) for each in found)


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"a", [2**70, math.nan], [2**70, math.inf], [2**70, object()]]
)
def test_what_json_cannot_say_is_not_sent(value: object) -> None:
    with pytest.raises(FrameInvalid):
        _ = write_frame({"value": value})


def test_what_contains_itself_is_not_sent() -> None:
    circle: list[object] = []
    circle.append(circle)

    with pytest.raises(FrameInvalid):
        _ = write_frame({"value": circle})


def test_a_frame_of_the_limit_is_read_and_one_byte_more_is_too_long() -> None:
    body = orjson.dumps({"a": "x" * 92})
    frame = LENGTH.pack(len(body)) + body

    assert _read(frame, limit=len(body)) == [{"a": "x" * 92}]
    with pytest.raises(FrameTooLong):
        _ = _read(frame[:4], limit=len(body) - 1)


def test_the_largest_results_fit_into_the_largest_reply() -> None:
    limit = 10_000
    worst = "\x01" * limit
    results = write_results(worst, worst + "", limit=limit)
    frame = write_ready_frame(b'{"id":4294967296,"ok":%b}' % results)
    both = write_results(worst, "\x02" * limit, limit=limit)

    assert len(frame) <= largest_reply(frame_bytes=1, result_bytes=limit)
    assert len(both) > 12 * limit
    assert len(both) <= largest_reply(frame_bytes=1, result_bytes=limit)


async def _printed(*chunks: bytes, bytes_per_minute: int) -> list[dict[str, Any]]:
    output, input_ = os.pipe()
    with capture_logs() as logs:
        transport = await follow(output, {"of": "it"}, bytes_per_minute=bytes_per_minute)
        for chunk in chunks:
            _ = await asyncio.to_thread(os.write, input_, chunk)
            await asyncio.sleep(0.01)
        os.close(input_)
        async with asyncio.timeout(10):
            while not transport.is_closing():  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
    return [dict(each) for each in logs]


async def test_lines_are_logged_one_by_one_and_nothing_else_of_the_log_can_be_forged() -> None:
    logs = await _printed(b"one\ntw", b"o\n\n\x1b[2J\rthr\xffee", bytes_per_minute=10_000)

    assert [each["text"] for each in logs] == ["one", "two", "\ufffd[2J\ufffdthr\ufffdee"]
    assert all(each["event"] == "plugin_printed" and each["of"] == "it" for each in logs)


async def test_many_short_lines_cost_what_they_take_in_the_log() -> None:
    logs = await _printed(b"a\n" * 30_000, bytes_per_minute=6500)

    *said, dropped = logs
    assert len(said) == 100
    assert dropped["event"] == "plugin_prints_too_much"
    assert dropped["dropped_bytes"] == 29_900


async def test_a_flood_is_read_to_its_end_and_not_kept() -> None:
    logs = await _printed(*[b"x" * 60_000] * 60, bytes_per_minute=100)

    assert [each["event"] for each in logs] == ["plugin_printed", "plugin_prints_too_much"]
    assert logs[-1]["dropped_bytes"] == 60 * 60_000 - 1000
