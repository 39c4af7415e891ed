"""Arguments filled by schema: each kind of parameter, and what is left out."""

from typing import Any

import pytest
from pydantic import JsonValue

from cadence.offline_model.arguments import fill, make_up
from cadence.offline_model.clues import read_clues
from cadence.offline_model.request import JsonObject
from cadence.offline_model.schemas import accepts


def schema(properties: dict[str, Any], required: list[str] | None = None) -> JsonObject:
    needed: list[JsonValue] = list(properties) if required is None else [*required]
    return {"type": "object", "properties": properties, "required": needed}


TEXT: JsonObject = {"type": "string"}
NUMBER: JsonObject = {"type": "number"}
WHOLE: JsonObject = {"type": "integer"}

FILLED: list[tuple[str, JsonObject, dict[str, Any], str]] = [
    ("numbers in their order", schema({"a": NUMBER, "b": NUMBER}), {"a": 5, "b": 7.5}, "5 and 7.5"),
    (
        "numbers beside their names",
        schema({"height": NUMBER, "width": NUMBER}),
        {"height": 3, "width": 5},
        "a box of width 5 and height 3",
    ),
    ("whole numbers", schema({"count": WHOLE}), {"count": 4}, "take 1.5 from 4"),
    ("a number within its bounds", schema({"n": {**WHOLE, "maximum": 6}}), {"n": 6}, "roll 50"),
    ("a number on its step", schema({"n": {**NUMBER, "multipleOf": 5}}), {"n": 10}, "about 12"),
    ("a negative number", schema({"n": NUMBER}), {"n": -3}, "at -3 degrees"),
    ("a word for a number", schema({"n": WHOLE}), {"n": 12}, "twelve of them"),
    (
        "a list of numbers",
        schema({"numbers": {"type": "array", "items": NUMBER}}),
        {"numbers": [3, 5, 9]},
        "mean of 3, 5, and 9",
    ),
    (
        "a list no longer than allowed",
        schema({"numbers": {"type": "array", "items": NUMBER, "maxItems": 2}}),
        {"numbers": [3, 5]},
        "3, 5, 9",
    ),
    (
        "a list without repetitions",
        schema({"numbers": {"type": "array", "items": NUMBER, "uniqueItems": True}}),
        {"numbers": [3, 5]},
        "3, 5, 3",
    ),
    (
        "a list of words",
        schema({"tags": {"type": "array", "items": TEXT}}),
        {"tags": ["red", "green", "blue"]},
        "label with red, green and blue",
    ),
    (
        "a list of quoted texts",
        schema({"tags": {"type": "array", "items": TEXT}}),
        {"tags": ["deep red", "blue"]},
        'label "deep red" and "blue"',
    ),
    (
        "listed values that are mentioned",
        schema({"days": {"type": "array", "items": {"enum": ["mon", "tue", "wed"]}}}),
        {"days": ["mon", "wed"]},
        "on wed and mon",
    ),
    (
        "a listed value",
        schema({"size": {"enum": ["small", "large"]}}),
        {"size": "large"},
        "a large one",
    ),
    (
        "a listed value of two words",
        schema({"plan": {"enum": ["basic", "premium_plus"]}}),
        {"plan": "premium_plus"},
        "I want premium plus",
    ),
    ("the only value", schema({"kind": {"const": "x"}}), {"kind": "x"}, "anything"),
    (
        "a unit by another spelling",
        schema(
            {
                "value": NUMBER,
                "from_unit": {"enum": ["km", "mi"]},
                "to_unit": {"enum": ["km", "mi"]},
            }
        ),
        {"value": 5, "from_unit": "km", "to_unit": "mi"},
        "5 kilometers in miles",
    ),
    (
        "both ends of a way",
        schema({"from_city": TEXT, "to_city": TEXT}),
        {"from_city": "Berlin", "to_city": "Paris"},
        "a train from Berlin to Paris",
    ),
    (
        "a text and its target",
        schema({"text": TEXT, "target_language": TEXT}),
        {"text": "good night", "target_language": "French"},
        'translate "good night" into French',
    ),
    (
        "an e-mail",
        schema({"email": TEXT}),
        {"email": "a.b@example.org"},
        "write to a.b@example.org!",
    ),
    (
        "a date",
        schema({"on": {**TEXT, "format": "date"}}),
        {"on": "2026-05-06"},
        "free on 2026-05-06?",
    ),
    ("a link", schema({"url": TEXT}), {"url": "https://x.org/a?b=1"}, "open https://x.org/a?b=1"),
    ("an identifier", schema({"order_id": TEXT}), {"order_id": "A-1042"}, "where is A-1042?"),
    (
        "a place",
        schema({"city": TEXT}),
        {"city": "Paris"},
        "What is the weather in Paris tomorrow?",
    ),
    ("a place in lower case", schema({"city": TEXT}), {"city": "paris"}, "weather in paris"),
    ("a name after its word", schema({"name": TEXT}), {"name": "Zoe"}, "create a user named Zoe"),
    ("the whole wish", schema({"mood": TEXT}), {"mood": "feeling great"}, "feeling great"),
    ("a switch", schema({"urgent": {"type": "boolean"}}, []), {"urgent": True}, "it is urgent"),
    (
        "a switch turned off",
        schema({"sorted": {"type": "boolean"}}, []),
        {"sorted": False},
        "not sorted",
    ),
    (
        "a switch nobody spoke of",
        schema({"urgent": {"type": "boolean"}}),
        {"urgent": False},
        "go on",
    ),
    ("a default", schema({"limit": {**WHOLE, "default": 3}}), {"limit": 3}, "show some"),
    ("no optional number without its name", schema({"limit": WHOLE}, []), {}, "show 5"),
    ("an optional number with its name", schema({"limit": WHOLE}, []), {"limit": 5}, "limit 5"),
    (
        "an object within",
        schema({"size": schema({"width": NUMBER, "height": NUMBER})}),
        {"size": {"width": 5, "height": 3}},
        "width 5 and height 3",
    ),
    (
        "a reference",
        {**schema({"n": {"$ref": "#/$defs/Count"}}), "$defs": {"Count": WHOLE}},
        {"n": 4},
        "take 4",
    ),
    (
        "a value that may be missing",
        schema({"n": {"anyOf": [WHOLE, {"type": "null"}]}}),
        {"n": None},
        "take some",
    ),
    (
        "an expression in the signs described",
        schema({"expression": {**TEXT, "description": "+ - ^"}}),
        {"expression": "2 ^ 8"},
        "what is 2 to the power of 8",
    ),
]


@pytest.mark.parametrize(
    ("parameters", "expected", "text"), [pytest.param(*row[1:], id=row[0]) for row in FILLED]
)
def test_a_text_fills_the_parameters(
    parameters: JsonObject, expected: dict[str, Any], text: str
) -> None:
    filling = fill(parameters, read_clues(text))

    assert filling.arguments == expected
    assert filling.certain


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        pytest.param(schema({"n": NUMBER}), "no number here", id="a number"),
        pytest.param(schema({"n": WHOLE}), "n 19000000000000000000", id="an exact number"),
        pytest.param(schema({"expression": TEXT}), "no sum here", id="an expression"),
        pytest.param(schema({"order_id": TEXT}), "where is my order", id="an identifier"),
        pytest.param(schema({"email": TEXT}), "write to them", id="an address"),
        pytest.param(schema({"size": {"enum": ["s", "m"]}}), "a shirt", id="a listed value"),
        pytest.param(schema({"from_unit": TEXT}), "convert it", id="an end of a way"),
        pytest.param(schema({"code": {**TEXT, "pattern": "^[A-Z]{3}$"}}), "ab-12", id="a pattern"),
        pytest.param(
            schema({"numbers": {"type": "array", "items": NUMBER, "minItems": 2}}),
            "mean of 3",
            id="enough numbers",
        ),
    ],
)
def test_what_the_text_does_not_give_makes_the_arguments_uncertain(
    parameters: JsonObject, text: str
) -> None:
    assert not fill(parameters, read_clues(text)).certain


@pytest.mark.parametrize(
    "parameters",
    [
        schema({"n": {**WHOLE, "minimum": 100, "maximum": 200}}),
        schema({"on": {**TEXT, "format": "date"}}),
        schema({"code": {**TEXT, "minLength": 40}}),
        schema({"ids": {"type": "array", "items": WHOLE, "minItems": 3, "uniqueItems": True}}),
        schema({"any": {"oneOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]}}),
        {"type": "object", "minProperties": 2, "additionalProperties": {"type": "boolean"}},
        schema({"deep": schema({"deeper": schema({"deepest": TEXT})})}),
    ],
)
def test_made_up_arguments_are_valid(parameters: JsonObject) -> None:
    assert accepts(parameters, make_up(parameters, read_clues("whatever")))


def test_a_reference_to_another_document_is_never_fetched() -> None:
    far = schema({"n": {"$ref": "http://127.0.0.1:9/schema.json"}})

    assert fill(far, read_clues("text")).arguments == {"n": "text"}
