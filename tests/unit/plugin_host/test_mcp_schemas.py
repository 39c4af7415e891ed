"""Schemas of strangers' tools: what is kept, what is put in place, and what is refused."""

from typing import Any

import jsonschema_rs
import pytest

from cadence.plugin_host.mcp.schemas import SchemaRefused, plain_schema
from cadence.plugin_host.mcp.words import Words

Schema = dict[str, Any]
WORDS = Words(["a-secret-of-ours"])


def plain(**schema: Any) -> Schema:
    return plain_schema({"type": "object", **schema}, WORDS)


def doubling(depth: int) -> Schema:
    """Return definitions that each hold the next one twice."""
    defs: Schema = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(depth)}
    return {**defs, f"d{depth}": {"type": "string"}}


def nested(depth: int) -> Schema:
    schema: Schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def test_a_plain_schema_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "description": "Where to go.",
        "properties": {
            "town": {"type": "string", "enum": ["Bonn", "Rome"], "default": "Rome"},
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
            "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
            "at": {"anyOf": [{"type": "null"}, {"type": "number"}]},
        },
        "required": ["town"],
        "additionalProperties": False,
    }

    assert plain_schema(schema, WORDS) == schema


def test_references_are_put_in_place() -> None:
    found = plain(
        properties={
            "a": {"$ref": "#/$defs/Point", "description": "From here."},
            "b": {"$ref": "#/$defs/Point", "minProperties": 1},
            "c": {"$ref": "#/$defs/Point", "properties": {"y": True}},
        },
        **{"$defs": {"Point": {"type": "object", "properties": {"x": {"type": "number"}}}}},
    )

    point = {"type": "object", "properties": {"x": {"type": "number"}}}
    assert found["properties"] == {
        "a": {**point, "description": "From here."},
        "b": {**point, "minProperties": 1},
        "c": {"allOf": [point, {"properties": {"y": True}}]},
    }
    assert "$defs" not in found


def test_what_holds_itself_ends_in_anything() -> None:
    found = plain(
        properties={"tree": {"$ref": "#/$defs/Tree"}},
        **{"$defs": {"Tree": {"properties": {"left": {"$ref": "#/$defs/Tree"}}}}},
    )

    assert found["properties"] == {"tree": {"properties": {"left": {}}}}


def test_a_property_may_be_called_like_a_keyword() -> None:
    properties = {"$ref": {"type": "string"}, "type": {"type": "number"}, "items": True}

    assert plain(properties=properties)["properties"] == properties


def test_what_is_not_known_is_left_out() -> None:
    found = plain(
        properties={"a": {"type": "string", "pattern": "(a+)+\\1", "x-mcp-header": "A"}},
        **{"$schema": "https://example.com/own", "$id": "https://example.com/a", "$comment": "!"},
    )

    assert found == {"type": "object", "properties": {"a": {"type": "string"}}}


def test_texts_are_cleaned_and_cut() -> None:
    found = plain(
        description="\u202eno\x00 a-secret-of-ours \U000e0041",
        properties={"a": {"description": "x" * 10_000}},
    )

    assert found["description"] == "no\ufffd ******** "
    assert len(found["properties"]["a"]["description"]) == 500


def test_a_schema_without_a_type_is_one_of_an_object() -> None:
    assert plain_schema({}, WORDS) == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        pytest.param({"type": "string"}, "no object", id="a string"),
        pytest.param({"type": ["object", "null"]}, "no object", id="an object or nothing"),
        pytest.param({"properties": {"a": 1}}, "no JSON Schema", id="a number for a schema"),
        pytest.param({"properties": {"a": {"type": 3}}}, "no JSON Schema", id="no type"),
        pytest.param({"properties": {"a": {"minimum": "x"}}}, "no JSON Schema", id="no minimum"),
        pytest.param({"properties": {"a\nb": {}}}, "cannot be written", id="a name of two lines"),
        pytest.param({"properties": {"a" * 200: {}}}, "cannot be written", id="a long name"),
        pytest.param({"properties": {"\u202ea": {}}}, "cannot be written", id="a turning name"),
        pytest.param(
            {"properties": {"a": {"$ref": "https://example.com/s"}}},
            "another document",
            id="a reference elsewhere",
        ),
        pytest.param(
            {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
            "another document",
            id="a reference to a file",
        ),
        pytest.param(
            {"properties": {"a": {"$ref": "#/$defs/b"}}}, "not there", id="a reference to nothing"
        ),
        pytest.param(
            {"properties": {"a": {"$ref": 3}}}, "another document", id="a reference that is none"
        ),
        pytest.param(
            {"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": doubling(30)},
            "too large",
            id="two to the thirtieth",
        ),
        pytest.param(nested(100), "too large", id="a hundred levels"),
        pytest.param(
            {"properties": {f"p{n}": {"type": "string"} for n in range(5000)}},
            "too large",
            id="five thousand properties",
        ),
        pytest.param(
            {"properties": {"a": {"enum": list(range(5000))}}}, "too large", id="a long enum"
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(schema: Schema, reason: str) -> None:
    with pytest.raises(SchemaRefused, match=reason):
        plain_schema(schema, WORDS)


def test_what_is_left_is_a_schema_that_can_be_used() -> None:
    found = plain(
        properties={"a": {"$ref": "#/$defs/d0"}}, **{"$defs": doubling(5)}, required=["a"]
    )

    validator = jsonschema_rs.validator_for(found)
    assert validator.is_valid({"a": "x"})
    assert not validator.is_valid({"a": 1})
