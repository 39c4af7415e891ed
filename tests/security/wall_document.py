"""What the document of the API says of its operations, and where it says that an id fits."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cadence.entrypoints.api import build_api
from tests.fixtures.service import settings_for

JsonObject = dict[str, Any]
# An id by another name.
ALSO_IDS = frozenset({"id", "entry_agent"})
# A record of the plugin's own, which means nothing to anybody else.
NO_IDS = frozenset({"resource_id"})


@dataclass(frozen=True, slots=True)
class Described:
    """One operation as the document has it."""

    method: str
    template: str
    path: frozenset[str]
    query: frozenset[str]
    body: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


def described_operations() -> list[Described]:
    """Read the document; the stand-in model's addresses are no part of the service."""
    document = build_api(settings_for(Path("unused"))).openapi()
    return [
        _read(document, (method.upper(), template), operation)
        for template, methods in document["paths"].items()
        if not template.startswith("/offline")
        for method, operation in methods.items()
    ]


def request_schemas() -> Iterator[tuple[str, str, JsonObject]]:
    """Yield every object that a JSON body has: its operation, its dotted place, and its schema."""
    document = build_api(settings_for(Path("unused"))).openapi()
    for template, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if schema is not None and not template.startswith("/offline"):
                for place, found in _objects_in(document, schema, ""):
                    yield f"{method.upper()} {template}", place, found


def _objects_in(
    document: JsonObject, schema: JsonObject, place: str
) -> Iterator[tuple[str, JsonObject]]:
    schema = _resolved(document, schema)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _objects_in(document, choice, place)
    if schema.get("type") == "object":
        yield place, schema
    if "items" in schema:
        yield from _objects_in(document, schema["items"], _within(place, "0"))
    for name, inner in schema.get("properties", {}).items():
        yield from _objects_in(document, inner, _within(place, name))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _objects_in(document, schema["additionalProperties"], _within(place, "*"))


def _within(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _read(document: JsonObject, name: tuple[str, str], operation: JsonObject) -> Described:
    parameters = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return Described(
        method=name[0],
        template=name[1],
        path=frozenset(each["name"] for each in parameters if each["in"] == "path"),
        query=frozenset(
            each["name"]
            for each in parameters
            if each["in"] == "query" and _is_id(each["name"], each["schema"])
        ),
        body=frozenset(_ids_in(document, schema, "")),
    )


def _ids_in(document: JsonObject, schema: JsonObject, place: str) -> Iterator[str]:
    """Yield the dotted places of a schema at which an id stands, `*` being a name that is one."""
    schema = _resolved(document, schema)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _ids_in(document, choice, place)
    if _is_uuid(schema):
        yield place
    if _is_uuid(schema.get("propertyNames", {})):
        yield f"{place}.*"
    if "items" in schema:
        yield from _ids_in(document, schema["items"], f"{place}.0")
    for name, inner in schema.get("properties", {}).items():
        here = _within(place, name)
        if _is_id(name, {}) and not name.endswith("ids"):
            yield here
        yield from _ids_in(document, inner, here)


def _resolved(document: JsonObject, schema: JsonObject) -> JsonObject:
    while "$ref" in schema:
        found: JsonObject = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def _is_id(name: str, schema: JsonObject) -> bool:
    if name in NO_IDS:
        return False
    choices = [schema, *schema.get("anyOf", ())]
    return name in ALSO_IDS or name.endswith(("_id", "_ids")) or any(map(_is_uuid, choices))


def _is_uuid(schema: JsonObject) -> bool:
    return schema.get("format") == "uuid"
