"""Schemas that keep a validator busy are told from those that do not, without trying them."""

from typing import Any

import pytest

from cadence.engine.schema_growth import ReferenceUnusable, is_tame
from cadence.engine.tool_arguments import ArgumentCheck

NAME = {"type": "string"}


def _chain(length: int) -> dict[str, Any]:
    links = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(length)}
    return {"$defs": {**links, f"d{length}": NAME}, "$ref": "#/$defs/d0"}


TAME = {
    "plain": {"type": "object", "properties": {"name": NAME}},
    "a definition used often": {
        "$defs": {"name": NAME},
        "properties": {f"p{n}": {"$ref": "#/$defs/name"} for n in range(100)},
    },
    "a short chain": _chain(3),
    "a key with a slash": {"$defs": {"a/b": NAME}, "$ref": "#/$defs/a~1b"},
    "an identity of its own": {"$id": "https://example.com/x", "properties": {"name": NAME}},
}
UNTAMED = {
    "each names the next one twice": _chain(25),
    "itself": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
    "a tree": {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"properties": {"left": {"$ref": "#/$defs/node"}}}},
    },
    "all of it": {"properties": {"again": {"$ref": "#"}}},
    "an anchor": {"properties": {"x": {"$anchor": "here"}, "y": {"$ref": "#here"}}},
    "a dynamic reference": {"properties": {"x": {"$dynamicRef": "#x"}}},
    "no text": {"properties": {"x": {"$ref": 7}}},
    "a property that calls itself a reference": {"properties": {"$ref": NAME}},
    "very many parts": {"enum": list(range(6000))},
}


@pytest.mark.parametrize("schema", TAME.values(), ids=TAME)
def test_a_schema_of_the_size_that_it_looks_is_tame(schema: dict[str, Any]) -> None:
    assert is_tame(schema)


@pytest.mark.parametrize("schema", UNTAMED.values(), ids=UNTAMED)
def test_a_schema_that_may_grow_is_not(schema: dict[str, Any]) -> None:
    assert not is_tame(schema)


@pytest.mark.parametrize("reference", ["#/$defs/nobody", "https://example.com/a.json", "a.json"])
def test_a_reference_that_leads_nowhere_is_told(reference: str) -> None:
    with pytest.raises(ReferenceUnusable):
        is_tame({"properties": {"x": {"$ref": reference}}})


def test_one_that_is_not_tame_is_left_to_the_plugin() -> None:
    check = ArgumentCheck(UNTAMED["each names the next one twice"])

    assert check.problem({"name": 7}) is None


def test_one_that_nests_without_end_is_not_followed_without_end() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"items": deep}

    assert not is_tame(deep)
