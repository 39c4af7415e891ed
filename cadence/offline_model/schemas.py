"""Reads JSON Schemas: resolves them and says what they accept."""

import math
from collections.abc import Iterator

import jsonschema_rs
from pydantic import JsonValue

from cadence.offline_model.request import JsonObject

DEEPEST = 8
"""How many levels of a schema are read; below that, only what is required to stop."""

_MOST_REFERENCES = 8
_MOST_VARIANTS = 6


def accepts(schema: JsonValue, value: JsonValue) -> bool:
    """Tell whether a value is valid; a schema that is itself broken accepts everything.

    References to other documents are never fetched.
    """
    if not isinstance(schema, dict | bool):
        return True
    try:
        validator = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError):
        return True
    try:
        return validator.is_valid(value)
    except ValueError:  # a text that is no valid Unicode, or a number beyond all bounds
        return False


def properties_of(schema: JsonObject) -> dict[str, JsonValue]:
    """Return the declared properties of an object schema."""
    declared = schema.get("properties")
    return declared if isinstance(declared, dict) else {}


def required_of(schema: JsonObject) -> tuple[str, ...]:
    """Return the names of the required properties."""
    names = schema.get("required")
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def choices_of(schema: JsonObject) -> list[JsonValue] | None:
    """Return the values a schema lists, by `enum` or `const`, or None when it lists none."""
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return listed if isinstance(listed, list) and listed else None


def type_of(schema: JsonObject) -> str:
    """Return the type a resolved schema asks for; "string" when it says nothing."""
    named = schema.get("type")
    if isinstance(named, str):
        return named
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def variants(schema: JsonValue, root: JsonObject) -> tuple[JsonObject, ...]:
    """Return the plain schemas a schema stands for, null last; never empty.

    References into the same document are followed, `allOf` is merged, and `anyOf`, `oneOf` and
    lists of types become one variant each.
    """
    found = list(_plain(schema, root, depth=0))[:_MOST_VARIANTS] or [{}]
    return tuple(sorted(found, key=lambda variant: variant.get("type") == "null"))


def length_bounds(schema: JsonObject, shortest: str, longest: str) -> tuple[int, int | None]:
    """Return two whole-number keywords of a schema as a lower and an upper bound."""
    low, high = number_at(schema, shortest), number_at(schema, longest)
    return (int(low) if low and low > 0 else 0, None if high is None else max(int(high), 0))


def fitting_text(schema: JsonObject, text: str) -> str | None:
    """Return the text, cut to the longest length allowed, or None when the schema refuses it."""
    _, longest = length_bounds(schema, "minLength", "maxLength")
    cut = text if longest is None else text[:longest].strip()
    kept = ("minLength", "pattern", "format")
    only: JsonObject = {key: value for key, value in schema.items() if key in kept}
    return cut if not only or accepts({**only, "type": "string"}, cut) else None


def _plain(schema: JsonValue, root: JsonObject, depth: int) -> Iterator[JsonObject]:
    if not isinstance(schema, dict) or depth > _MOST_REFERENCES:
        yield {}
        return
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        target = _target(schema["$ref"], root)
        merged = _merge(rest, target) if isinstance(target, dict) else rest
        yield from _plain(merged, root, depth + 1)
        return
    for key in ("allOf", "anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list) and branches:
            yield from _branches(schema, root, key=key, depth=depth)
            return
    named = schema.get("type")
    if isinstance(named, list) and named:
        yield from ({**schema, "type": single} for single in named)
        return
    yield schema


def _branches(
    schema: JsonObject, root: JsonObject, *, key: str, depth: int
) -> Iterator[JsonObject]:
    """Yield each branch merged with what stands beside it; all of them at once for `allOf`."""
    base = {name: value for name, value in schema.items() if name != key}
    branches = schema[key]
    if not isinstance(branches, list):
        return
    resolved = [branch for branch in branches if isinstance(branch, dict)][:_MOST_VARIANTS]
    if key != "allOf":
        for branch in resolved:
            for plain in _plain(branch, root, depth + 1):
                yield from _plain(_merge(plain, base), root, depth + 1)
        return
    for branch in resolved:
        plain = next(_plain(branch, root, depth + 1))
        base = _merge(base, plain)
    yield from _plain(base, root, depth + 1)


def _merge(first: JsonObject, second: JsonObject) -> JsonObject:
    """Combine two object schemas; `second` wins except that properties and required add up."""
    merged = {**first, **second}
    if "properties" in first and "properties" in second:
        merged["properties"] = {**properties_of(first), **properties_of(second)}
    if "required" in first and "required" in second:
        names = dict.fromkeys([*required_of(first), *required_of(second)])
        merged["required"] = list(names)
    return merged


def _target(reference: JsonValue, root: JsonObject) -> JsonValue:
    """Return what a reference of the form `#/$defs/Name` points to, or None."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    place: JsonValue = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        place = place.get(name) if isinstance(place, dict) else None
    return place


def number_at(schema: JsonObject, key: str) -> float | None:
    """Return a numeric keyword; Gemini writes some of them as strings."""
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
