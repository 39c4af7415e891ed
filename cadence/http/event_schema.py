"""The events of a run as JSON schemas: what PRODUCT.md §5 lists, read off the dataclasses."""

from typing import get_args

import orjson
from pydantic import TypeAdapter

from cadence.engine.events import (
    MessageDelta,
    Outcome,
    RunClosed,
    RunEvent,
    RunOpened,
    Usage,
    payload,
)
from cadence.http.documented import JSON, JsonObject, Responses
from cadence.http.samples import UUID_SAMPLE

REFERENCE = "#/components/schemas/{model}"
STREAM = "text/event-stream"
EVENTS = get_args(RunEvent)
READ_ID: JsonObject = {"type": "integer", "minimum": 1}
WIRE_ID: JsonObject = {"type": "string", "pattern": "^[1-9][0-9]*$"}
RUN_ID = "01JD0EXAMPLE0000000000000R"


def event_schemas() -> JsonObject:
    """Return the schemas of all events.

    `RunEvent` is an event as a client reads it, `RunEventFrame` as it is on the wire, where every
    field is a text.
    """
    schemas: JsonObject = {}
    for kind in EVENTS:
        described = TypeAdapter(kind).json_schema(mode="serialization", ref_template=REFERENCE)
        schemas |= described.pop("$defs", {})
        schemas[kind.__name__] = described
    for schema in schemas.values():
        # A default is for whoever makes an event; on the wire nothing is left out.
        if "properties" in schema:
            schema["required"] = list(schema["properties"])
    schemas["RunEvent"] = {
        "description": "One event of a run; `id` counts from 1, and `Last-Event-ID` takes it up.",
        "anyOf": [_event(kind.name, id_=READ_ID, data=_reference(kind)) for kind in EVENTS],
    }
    schemas["RunEventFrame"] = {
        "description": "One event of a run as it is on the wire.",
        "anyOf": [_event(kind.name, id_=WIRE_ID, data=_written(kind)) for kind in EVENTS],
    }
    return schemas


def _event(name: str, *, id_: JsonObject, data: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": {"id": id_, "event": {"type": "string", "const": name}, "data": data},
        "required": ["id", "event", "data"],
    }


def _reference(kind: type) -> JsonObject:
    return {"$ref": REFERENCE.format(model=kind.__name__)}


def _written(kind: type) -> JsonObject:
    return {"type": "string", "contentMediaType": JSON, "contentSchema": _reference(kind)}


def event_stream() -> Responses:
    """Return what a route answers that streams a run's events."""
    return {
        200: {
            "description": "The run's events, each as soon as it happens.",
            # What OpenAPI 3.2 says of a stream; 3.1 knows no way to, and lets this stand.
            "content": {
                STREAM: {
                    "itemSchema": {"$ref": REFERENCE.format(model="RunEventFrame")},
                    "example": _stream_example(),
                }
            },
        }
    }


def _stream_example() -> str:
    events: tuple[RunEvent, ...] = (
        RunOpened(run_id=RUN_ID, conversation_id=UUID_SAMPLE, instance_id=UUID_SAMPLE),
        MessageDelta(content="Hello, Ada!", agent="synthesizer"),
        RunClosed(outcome=Outcome.COMPLETED, usage=Usage(212, 9, 2), duration_ms=840),
    )
    return "".join(
        f"id: {number}\nevent: {event.name}\ndata: {orjson.dumps(payload(event)).decode()}\n\n"
        for number, event in enumerate(events, start=1)
    )
