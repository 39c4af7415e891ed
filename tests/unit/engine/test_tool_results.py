"""How a plugin's result becomes what a model reads and a client is shown."""

import tracemalloc
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from cadence.engine.tool_results import ResultTooLarge, ResultUnreadable, render

LIMIT = 1000


class Colour(StrEnum):
    RED = "red"


class Fruit(BaseModel):
    name: str
    weights: list[float] = []


@dataclass
class Point:
    x: int
    fruit: Fruit


def itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def nested(depth: int) -> object:
    found: object = "deep"
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("result", "text", "value"),
    [
        pytest.param("words", "words", "words", id="text"),
        pytest.param("", "", "", id="no text"),
        pytest.param(None, "null", None, id="nothing"),
        pytest.param(3, "3", 3, id="number"),
        pytest.param(2**100, str(2**100), float(2**100), id="beyond 64 bits"),
        pytest.param(float("nan"), "null", None, id="not a number"),
        pytest.param({"a": [1, 2]}, '{"a":[1,2]}', {"a": [1, 2]}, id="object"),
        pytest.param({1: "one"}, '{"1":"one"}', {"1": "one"}, id="number as key"),
        pytest.param((1, 2), "[1,2]", [1, 2], id="tuple"),
        pytest.param({7}, "[7]", [7], id="set"),
        pytest.param(Colour.RED, "red", "red", id="enum"),
        pytest.param(Fruit(name="fig"), '{"name":"fig","weights":[]}', None, id="model"),
        pytest.param(Point(1, Fruit(name="fig")), None, None, id="dataclass"),
        pytest.param(datetime(2026, 1, 2, tzinfo=UTC), '"2026-01-02T00:00:00+00:00"', None, id="t"),
        pytest.param(UUID(int=7), f'"{UUID(int=7)}"', None, id="uuid"),
        pytest.param("nul\x00half\ud800", "nul\ufffdhalf\ufffd", None, id="text for no store"),
        pytest.param({"a": "\x00"}, '{"a":"\\ufffd"}', {"a": "\ufffd"}, id="NUL inside"),
        pytest.param(["\ud800"], '["\ufffd"]', ["\ufffd"], id="half a surrogate inside"),
    ],
)
def test_what_json_can_say_is_rendered(result: object, text: str | None, value: object) -> None:
    rendered = render(result, limit=LIMIT)

    assert text is None or rendered.text == text
    assert value is None or rendered.value == value


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(object(), id="any object"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param({"f": print}, id="function inside"),
        pytest.param(itself(), id="contains itself"),
        pytest.param(nested(300), id="nested too deeply"),
        pytest.param(10**5000, id="more digits than Python prints"),
        pytest.param({("a", 1): 2}, id="tuple as key"),
    ],
)
def test_what_json_cannot_say_is_unreadable(result: object) -> None:
    with pytest.raises(ResultUnreadable):
        render(result, limit=LIMIT)


@pytest.mark.parametrize(
    "result",
    [
        pytest.param("x" * 1001, id="text"),
        pytest.param("é" * 501, id="text of two bytes a letter"),
        pytest.param(["x" * 10] * 100, id="many texts"),
        pytest.param({str(number): number for number in range(300)}, id="many keys"),
        pytest.param(["\x01" * 300], id="letters that grow when escaped"),
        pytest.param(Fruit(name="x" * 2000), id="model"),
    ],
)
def test_a_result_over_the_limit_is_refused(result: object) -> None:
    with pytest.raises(ResultTooLarge):
        render(result, limit=LIMIT)


def test_a_result_of_exactly_the_limit_is_taken() -> None:
    assert render("x" * 1000, limit=LIMIT).text == "x" * 1000
    assert len(render(["x" * 996], limit=LIMIT).text) == 1000


def test_a_huge_result_is_refused_without_building_anything_of_its_size() -> None:
    once = ["x" * 1000] * 1000
    huge = [once] * 1000  # a gigabyte of JSON
    text = "x" * 10_000_000

    tracemalloc.start()
    for result in (huge, text, {"a": text}):
        with pytest.raises(ResultTooLarge):
            render(result, limit=262_144)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_whatever_is_rendered_keeps_the_limit_and_can_be_stored(value: object) -> None:
    try:
        rendered = render(value, limit=200)
    except (ResultTooLarge, ResultUnreadable):
        return

    assert len(rendered.text.encode()) <= 200
    assert "\x00" not in rendered.text
