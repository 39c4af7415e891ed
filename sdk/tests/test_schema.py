"""What a model is shown of a tool's arguments, and how its answer becomes a call."""

import functools
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from cadence_sdk import UvTool, uvtool
from cadence_sdk.arguments import ArgumentsInvalid
from cadence_sdk.schema import arguments_of, read_arguments, tool_parameters
from pydantic import BaseModel, ConfigDict, Field


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    """A place."""

    x: int
    title: str = "here"


class Query(BaseModel):
    text: str = Field(description="What to find.")
    limit: int = Field(default=5, ge=1)


@uvtool
def everything(  # noqa: D417, PLR0913, PLR0917  # one of each kind
    text: str,
    count: int = 3,
    color: Color = Color.RED,
    day: date | None = None,
    points: list[Point] | None = None,
    kind: Literal["a", "b"] = "a",
    note: Annotated[str, "A remark."] = "",
    implicit: str = None,  # type: ignore[assignment]  # noqa: RUF013  # as older plugins write it
) -> dict[str, Any]:
    """Take everything.

    Args:
        text: The text,
            in full.
        count (int): How often.
        *ignored: Nothing.

    Returns:
        text: not an argument.
    """
    return dict(locals())


@uvtool
def untyped(first, second=2):  # type: ignore[no-untyped-def]
    """Take anything."""
    return first, second


def test_a_signature_becomes_a_schema() -> None:
    schema = tool_parameters(everything)

    properties = schema["properties"]
    assert schema["type"] == "object"
    assert schema["required"] == ["text"]
    assert schema["additionalProperties"] is False
    assert properties["text"] == {"type": "string", "description": "The text, in full."}
    assert properties["count"] == {"type": "integer", "default": 3, "description": "How often."}
    assert properties["kind"] == {"enum": ["a", "b"], "type": "string", "default": "a"}
    assert properties["note"] == {"type": "string", "default": "", "description": "A remark."}
    assert properties["color"]["default"] == "red"
    assert properties["day"]["default"] is None
    assert {"type": "null"} in properties["implicit"]["anyOf"]


def test_nested_types_are_defined_once_and_keep_a_property_called_title() -> None:
    schema = tool_parameters(everything)

    assert schema["$defs"]["Color"] == {"enum": ["red", "blue"], "type": "string"}
    assert schema["$defs"]["Point"] == {
        "description": "A place.",
        "type": "object",
        "properties": {"x": {"type": "integer"}, "title": {"type": "string", "default": "here"}},
        "required": ["x"],
    }


def test_parameters_without_types_take_anything() -> None:
    assert tool_parameters(untyped)["properties"] == {"first": {}, "second": {"default": 2}}
    assert read_arguments(untyped, {"first": [1]}) == {"first": [1]}


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    assert tool_parameters(uvtool(lambda: 1)) == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


def test_arguments_are_converted_to_the_annotated_types() -> None:
    given = {"text": "a", "count": "5", "color": "blue", "day": "2026-01-31", "points": [{"x": 1}]}

    assert everything(**read_arguments(everything, given)) == {
        "text": "a",
        "count": 5,
        "color": Color.BLUE,
        "day": date(2026, 1, 31),
        "points": [Point(x=1)],
        "kind": "a",
        "note": "",
        "implicit": None,
    }


def test_everything_wrong_is_named_by_its_path() -> None:
    with pytest.raises(ArgumentsInvalid) as refused:
        read_arguments(everything, {"count": "many", "points": [{"x": "canary"}], "other": 1})

    assert {problem.path for problem in refused.value.problems} == {
        "text",
        "count",
        "points.0.x",
        "other",
    }
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("name", ["schema", "copy", "model_config", "_hidden", "self_"])
def test_a_parameter_may_have_any_name(name: str) -> None:
    scope: dict[str, Any] = {}
    exec(f"def named({name}: int = 1): return {name}", scope)  # noqa: S102  # our own text
    tool = uvtool(scope["named"])

    assert tool_parameters(tool)["properties"] == {name: {"type": "integer", "default": 1}}
    assert tool(**read_arguments(tool, {name: 2})) == 2


def test_a_type_that_json_does_not_have_takes_anything() -> None:
    def call(what: Callable[[], int], other: int = 1) -> int:
        return what() + other

    call.__annotations__["other"] = "nowhere.Defined"

    schema = tool_parameters(uvtool(call))

    assert schema["properties"] == {"what": {}, "other": {"default": 1}}


def test_more_than_the_named_arguments_is_taken_where_the_function_takes_it() -> None:
    @uvtool
    def open_ended(text: str, *rest: int, **more: int) -> dict[str, int]:
        return {"text": len(text), "rest": len(rest), **more}

    assert tool_parameters(open_ended)["additionalProperties"] is True
    assert read_arguments(open_ended, {"text": "a", "x": 1}) == {"text": "a", "x": 1}


def test_a_positional_parameter_is_refused_because_models_name_arguments() -> None:
    with pytest.raises(ValueError, match="hidden"):
        tool_parameters(uvtool(lambda hidden, /: hidden))


def test_methods_partials_and_callable_objects_have_their_own_parameters() -> None:
    class Adder:
        def __call__(self, number: int) -> int:
            return number + 1

        @uvtool
        def method(self, text: str) -> str:
            return text

    fixed = uvtool(functools.partial(Query.model_validate, strict=True))

    assert tool_parameters(uvtool(Adder()))["properties"] == {"number": {"type": "integer"}}
    assert tool_parameters(Adder().method)["required"] == ["text"]
    assert "strict" in tool_parameters(fixed)["properties"]


def test_a_model_describes_the_arguments_and_checks_them() -> None:
    @uvtool(args_schema=Query)
    def find(text: str, limit: int = 1) -> tuple[str, int]:
        """Find.

        Args:
            text: Not used, the model has its own.
            limit: How many.
        """
        return text, limit

    assert tool_parameters(find) == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "What to find."},
            "limit": {"type": "integer", "default": 5, "minimum": 1, "description": "How many."},
        },
        "required": ["text"],
        "additionalProperties": False,
    }
    assert find(**read_arguments(find, {"text": "a"})) == ("a", 5)
    with pytest.raises(ArgumentsInvalid, match=r"more: is not an argument; limit:"):
        read_arguments(find, {"text": "a", "limit": 0, "more": 1})


def test_a_function_may_take_the_model_itself() -> None:
    @uvtool(args_schema=Query)
    def find(query: Query) -> str:
        return query.text

    assert find(**read_arguments(find, {"text": "a"})) == "a"


def test_a_default_the_function_does_not_know_is_left_out() -> None:
    @uvtool(args_schema=Query)
    def find(text: str) -> str:
        return text

    assert find(**read_arguments(find, {"text": "a"})) == "a"


def test_a_model_may_allow_more_and_give_names_of_its_own() -> None:
    class Wide(BaseModel):
        model_config = ConfigDict(extra="allow")

        start: int = Field(alias="from")

    @uvtool(args_schema=Wide)
    def span(start: int, **more: int) -> tuple[int, dict[str, int]]:
        return start, more

    assert tool_parameters(span)["required"] == ["from"]
    assert tool_parameters(span)["additionalProperties"] is True
    assert span(**read_arguments(span, {"from": 1, "to": 2})) == (1, {"to": 2})


def by_schema(schema: dict[str, Any]) -> UvTool:
    """Return a tool whose arguments are described by a JSON Schema."""
    return uvtool(args_schema=schema)(lambda **given: given)


WHOLE = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "limit": {"type": "integer", "default": 5},
        "tags": {"type": ["array", "null"]},
    },
    "required": ["text"],
}


def test_a_json_schema_is_shown_closed() -> None:
    assert tool_parameters(by_schema(WHOLE)) == {**WHOLE, "additionalProperties": False}
    assert "additionalProperties" not in WHOLE


def test_a_dict_of_properties_alone_is_a_schema_too() -> None:
    tool = by_schema({"text": {"type": "string"}})

    assert tool_parameters(tool)["properties"] == {"text": {"type": "string"}}


def test_a_json_schema_gives_defaults_and_checks_the_top() -> None:
    tool = by_schema(WHOLE)

    assert read_arguments(tool, {"text": "a", "tags": None}) == {
        "text": "a",
        "tags": None,
        "limit": 5,
    }
    with pytest.raises(ArgumentsInvalid) as refused:
        read_arguments(tool, {"limit": True, "tags": "x", "more": 1})
    assert {problem.path for problem in refused.value.problems} == {
        "text",
        "limit",
        "tags",
        "more",
    }


def test_arguments_are_worked_out_once_and_good_for_many_calls() -> None:
    arguments = arguments_of(everything)

    assert arguments.parameters == tool_parameters(everything)
    assert arguments.read({"text": "a"}) == arguments.read({"text": "a"}) == {"text": "a"}
