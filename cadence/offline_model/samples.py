"""Makes up small values that JSON Schemas accept."""

from pydantic import JsonValue

from cadence.offline_model.bounds import bounded
from cadence.offline_model.request import JsonObject
from cadence.offline_model.schemas import (
    DEEPEST,
    accepts,
    choices_of,
    fitting_text,
    length_bounds,
    properties_of,
    required_of,
    type_of,
    variants,
)

_STOCK_STRINGS = (
    *("text", "a", "A", "0", "1", "a-b", "ab12", "2000-01-01", "2000-01-01T00:00:00Z", "00:00:00Z"),
    *("user@example.com", "https://example.com/", "00000000-0000-4000-8000-000000000000"),
    *(
        "127.0.0.1",
        "::1",
        "example.com",
        "P1D",
        "/a",
        "^a$",
        "aaaaaaaa",
        "00000000",
        "en",
        "#000000",
    ),
)


def sample(schema: JsonValue, root: JsonObject, depth: int = 0) -> JsonValue:
    """Return a small value that fits the schema wherever that can be found by looking."""
    options = [_sample_plain(variant, root, depth) for variant in variants(schema, root)]
    if len(options) == 1 or not isinstance(schema, dict):
        return options[0]
    rooted = _rooted(schema, root)
    return next((option for option in options if accepts(rooted, option)), options[0])


def _rooted(schema: JsonObject, root: JsonObject) -> JsonObject:
    """Give a part of a schema the definitions of its document, so that it stands alone."""
    kept = ("$defs", "definitions")
    shared: JsonObject = {key: value for key, value in root.items() if key in kept}
    return {**shared, **schema}


def _sample_plain(schema: JsonObject, root: JsonObject, depth: int) -> JsonValue:
    ready = [schema["default"]] if "default" in schema else []
    examples = schema.get("examples")
    ready += examples[:3] if isinstance(examples, list) else []
    ready += choices_of(schema) or []
    rooted = _rooted(schema, root)
    for value in ready:
        if accepts(rooted, value):
            return value
    return _sample_type(schema, root, depth)


def _sample_type(schema: JsonObject, root: JsonObject, depth: int) -> JsonValue:
    match type_of(schema):
        case "object":
            return _sample_object(schema, root, depth)
        case "array":
            return _sample_array(schema, root, depth)
        case "integer" | "number":
            return bounded(schema, 1)
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return _sample_text(schema)


def _sample_object(schema: JsonObject, root: JsonObject, depth: int) -> JsonValue:
    if depth >= DEEPEST:
        return {}
    declared = properties_of(schema)
    extra = schema.get("additionalProperties", {})
    sampled = {
        name: sample(declared.get(name, extra), root, depth + 1) for name in required_of(schema)
    }
    fewest, _ = length_bounds(schema, "minProperties", "maxProperties")
    spare = [name for name in declared if name not in sampled]
    spare += [f"key{number}" for number in range(min(fewest, 50))]
    for name in spare:
        if len(sampled) >= fewest:
            break
        sampled[name] = sample(declared.get(name, extra), root, depth + 1)
    return sampled


def _sample_array(schema: JsonObject, root: JsonObject, depth: int) -> JsonValue:
    fewest, _ = length_bounds(schema, "minItems", "maxItems")
    if depth >= DEEPEST or not fewest:
        return []
    leading = schema.get("prefixItems")
    items = list(leading[:fewest]) if isinstance(leading, list) else []
    items += [schema.get("items", {})] * (min(fewest, 50) - len(items))
    sampled = [sample(item, root, depth + 1) for item in items]
    return _distinct(sampled, items, root) if schema.get("uniqueItems") is True else sampled


def _distinct(
    sampled: list[JsonValue], schemas: list[JsonValue], root: JsonObject
) -> list[JsonValue]:
    """Vary equal items until they differ, as far as their schemas allow."""
    seen: list[JsonValue] = []
    for value, schema in zip(sampled, schemas, strict=True):
        plain = variants(schema, root)[0]
        other = [*(choices_of(plain) or ()), *_others(value)]
        rooted = _rooted(plain, root)
        fresh = (one for one in (value, *other) if one not in seen and accepts(rooted, one))
        seen.append(next(fresh, value))
    return seen


def _others(value: JsonValue) -> list[JsonValue]:
    """Return values like this one, for lists that may not repeat."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + sign * step for sign in (1, -1) for step in range(1, 51)]
    return [f"{value}{step}" for step in range(1, 51)] if isinstance(value, str) else []


def _sample_text(schema: JsonObject) -> str:
    shortest, _ = length_bounds(schema, "minLength", "maxLength")
    padded = "text".ljust(min(shortest, 10_000), "x")
    fitting = (fitting_text(schema, text) for text in (padded, *_STOCK_STRINGS))
    return next((text for text in fitting if text is not None), padded)
