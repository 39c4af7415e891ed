"""Small changes to a JSON Schema that make it fit for a model to read."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

# Under these keys lie schemas by name, so a "title" there is somebody's property.
_NAMED_SCHEMAS: Final = frozenset({"properties", "$defs", "definitions", "patternProperties"})
# Under these keys lie values, which are nobody's schema.
_VALUES: Final = frozenset({"default", "enum", "const", "examples"})


def without_titles(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy without the titles pydantic derives from names: they tell a model nothing."""
    return {
        key: _inner(key, value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


def closed_object(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that is an object and, unless it says otherwise, has no other properties."""
    closed: dict[str, Any] = {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
        **schema,
    }
    closed.setdefault("required", [])
    return closed


def describe_properties(schema: dict[str, Any], descriptions: Mapping[str, str]) -> None:
    """Give the properties that have no description these ones."""
    properties = cast("dict[str, dict[str, Any]]", schema["properties"])
    for name, text in descriptions.items():
        if name in properties:
            properties[name].setdefault("description", text)


def _inner(key: str, value: Any) -> Any:
    if key in _VALUES:
        return value
    if isinstance(value, list):
        items = cast("Iterable[object]", value)
        return [_inner("", item) for item in items]
    if not isinstance(value, dict):
        return value
    inner = cast("dict[str, Any]", value)
    if key in _NAMED_SCHEMAS:
        return {name: _inner("", item) for name, item in inner.items()}
    return without_titles(inner)
