"""Free JSON is held to what every store can hold, and error paths to what an answer can."""

from typing import Any

import pytest
from pydantic import JsonValue, ValidationError

from cadence.http.bodies import Input
from cadence.http.errors import LONGEST_PATH, error_answer
from cadence.http.text import DEEPEST, LARGEST, require_storable
from cadence.kernel.errors import FieldProblem


class Free(Input):
    values: dict[str, JsonValue]


def _nested(depth: int) -> JsonValue:
    value: JsonValue = "leaf"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("text", id="text"),
        pytest.param({"a": [1, 2.5, True, None, {"ü": "👩‍👧"}]}, id="all kinds"),
        pytest.param([LARGEST, -LARGEST], id="the largest numbers"),
        pytest.param(_nested(DEEPEST), id="the deepest nesting"),
        pytest.param("\r\n\t\u202e", id="controls that a text may have"),
    ],
)
def test_ordinary_json_is_storable(value: JsonValue) -> None:
    require_storable(value)

    assert Free(values={"key": "kept"}).values == {"key": "kept"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a\x00b", id="NUL"),
        pytest.param("\ud800", id="half a character"),
        pytest.param({"a\x00b": 1}, id="a name with NUL"),
        pytest.param({"\udfff": 1}, id="a name of half a character"),
        pytest.param(float("nan"), id="NaN"),
        pytest.param(float("-inf"), id="minus Infinity"),
        pytest.param(LARGEST + 1, id="a number too large"),
        pytest.param(-LARGEST * 10, id="a number too small"),
        pytest.param(_nested(DEEPEST + 1), id="a nesting too deep"),
        pytest.param([{"a": [{"b": "\x00"}]}], id="NUL deep inside"),
    ],
)
def test_what_some_store_cannot_hold_is_refused_by_its_field(value: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        require_storable(value)

    with pytest.raises(ValidationError) as refused:
        Free(values={"key": value})
    assert [problem["loc"][0] for problem in refused.value.errors()] == ["values"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        pytest.param("config.name", b"config.name", id="ours"),
        pytest.param("config.ü", "config.ü".encode(), id="another alphabet"),
        pytest.param("config.\ud800", b"config.\\\\ud800", id="half a character"),
        pytest.param("n" * 5000, b'"' + b"n" * LONGEST_PATH + b'"', id="too long"),
    ],
)
def test_every_path_can_be_written_into_an_answer(path: str, shown: bytes) -> None:
    answer = error_answer(
        "01J", 422, "validation_failed", message="Wrong.", fields=[FieldProblem(path, "is wrong")]
    )

    assert shown in answer.body
