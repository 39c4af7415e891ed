"""Makes up an example of whatever a JSON schema describes, the same one each time."""

from cadence.http.documented import JsonObject

UUID_SAMPLE = "0193a5c2-7d1e-7c3a-9b54-2f6d8e1a4c70"
FORMATS = {
    "uuid": UUID_SAMPLE,
    "date": "2026-11-20",
    "date-time": "2026-11-20T09:30:00Z",
    "password": "correct-horse-battery-staple",
    "binary": "…",
}
SCALARS: dict[str, object] = {
    "null": None,
    "boolean": False,
    "integer": 0,
    "number": 0.0,
    "object": {},
}
DEEPEST = 12


def sample(schema: JsonObject, components: JsonObject, *, name: str = "", depth: int = 0) -> object:
    """Return a value that the schema takes; `components` are what its references name.

    A text is its own field's name where nothing else is known of it. What refers to itself ends
    after some turns in an empty object.
    """
    match schema:
        case {"$ref": str(target)} if depth < DEEPEST:
            named = components["schemas"][target.rsplit("/", 1)[1]]
            return sample(named, components, name=name, depth=depth + 1)
        case {"examples": [first, *_]} | {"enum": [first, *_]}:
            return first
        case {"const": only} | {"default": only}:
            return only
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]} | {"allOf": [first]}:
            return sample(first, components, name=name, depth=depth)
        case _:
            return _of_type(schema, components, name=name, depth=depth)


def _of_type(schema: JsonObject, components: JsonObject, *, name: str, depth: int) -> object:
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {
                field: sample(inner, components, name=field, depth=depth)
                for field, inner in schema["properties"].items()
            }
        case "array":
            return [sample(schema.get("items", {}), components, name=name, depth=depth)]
        case "string":
            return FORMATS.get(schema.get("format", ""), name or "text")
        case "integer" | "number" if "minimum" in schema:
            return schema["minimum"]
        case str(scalar):
            return SCALARS[scalar]
        case _:
            return None
