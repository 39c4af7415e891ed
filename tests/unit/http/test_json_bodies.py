"""JSON that two readers could read differently is no JSON here."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.http.json_bodies import BodyUnreadable, read_json
from cadence.http.text import DEEPEST, LARGEST

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


def _refusal(body: bytes) -> str:
    with pytest.raises(BodyUnreadable) as refused:
        read_json(body)
    [field] = refused.value.fields
    assert field.path == "body"
    return field.message


@given(_JSON)
def test_plain_json_is_read_as_it_was_written(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value
    # Half a character can be written only as an escape, and is left to the fields.
    text = json.dumps(value, ensure_ascii=False).encode(errors="ignore")
    assert json.dumps(read_json(text)) == json.dumps(json.loads(text))


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        value = read_json(body)
    except BodyUnreadable:
        return
    assert value == json.loads(body.decode())


@given(_JSON)
def test_json_in_another_encoding_is_refused(value: object) -> None:
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        _refusal(json.dumps(value).encode(encoding))


def test_a_syntax_error_is_told_with_its_place_and_without_its_text() -> None:
    assert _refusal(b'{"a": 1,\n "b": secret}') == "is not valid JSON (line 2, column 7)"


@pytest.mark.parametrize(
    "body",
    [b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "\\u0061": 2}}]', b'{"": 1, "": 1}'],
)
def test_a_name_twice_is_refused(body: bytes) -> None:
    assert _refusal(body) == "must not name a field twice in one object"


def test_the_same_name_in_two_objects_is_taken() -> None:
    assert read_json(b'{"a": {"a": [{"a": 1}, {"a": 2}]}}') == {"a": {"a": [{"a": 1}, {"a": 2}]}}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "[1, NaN]"])
def test_what_is_no_number_is_refused(number: str) -> None:
    assert _refusal(number.encode()) == "must not hold NaN or Infinity, which are not JSON"


@pytest.mark.parametrize(
    "number",
    [str(LARGEST + 1), str(-LARGEST - 1), "9" * 400, "9" * 5000, "1e999", "-1e999"],
)
def test_a_number_that_64_bits_cannot_hold_is_refused(number: str) -> None:
    for body in (number, f"[{number}]", f'{{"a": [{{"b": {number}}}]}}'):
        assert _refusal(body.encode()) == "must not hold numbers that 64 bits cannot hold"


@pytest.mark.parametrize("number", [str(LARGEST), str(-LARGEST), "1.7e308", "-0", "5e-324"])
def test_the_largest_numbers_are_taken(number: str) -> None:
    assert read_json(number.encode()) == json.loads(number)


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deep_is_refused(start: str, end: str) -> None:
    def nested(depth: int) -> bytes:
        return (start * depth + "1" + end * depth).encode()

    assert read_json(nested(DEEPEST)) == json.loads(nested(DEEPEST))
    for depth in (DEEPEST + 1, 500, 100_000):
        assert _refusal(nested(depth)) == f"must not be nested more than {DEEPEST} deep"
