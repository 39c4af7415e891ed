"""The document of the API: FastAPI's, and what follows for every operation from rules.

A router names only what is peculiar to a route (`documented.errors`). That a guarded route can
answer 401, or one with an id in its path 404, is added here, so that a new route has it too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from typing_extensions import override

from cadence.http.documented import JSON, REQUEST_ID, JsonObject, Responses, add_example
from cadence.http.errors import STATUS, UNEXPECTED, BodyTooLarge, ErrorAnswer
from cadence.http.event_schema import REFERENCE, STREAM, event_schemas
from cadence.http.json_bodies import FORM, BodyUnreadable, UnsupportedMediaType
from cadence.http.samples import sample
from cadence.infra.away import Store, StoreUnavailable
from cadence.kernel.errors import CadenceError, FieldProblem, InvalidInput, Kind, NotFound

HEADERS: dict[str, JsonObject] = {
    "X-Request-Id": {
        "description": "The id of this request, which is in every log line of it.",
        "required": True,
        "schema": {"type": "string"},
        "example": REQUEST_ID,
    },
    "Retry-After": {
        "description": "After how many seconds to try again.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 2,
    },
    "WWW-Authenticate": {
        "description": "How to sign in.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
    "RateLimit-Policy": {
        "description": "The limits that count this request: a name, `q` requests in `w` seconds.",
        "schema": {"type": "string"},
        "example": '"user";q=600;w=60, "organization";q=3000;w=60',
    },
    "RateLimit": {
        "description": "How they stand: `r` requests are left, in `t` seconds all are.",
        "schema": {"type": "string"},
        "example": '"user";r=599;t=60, "organization";r=2871;t=12',
    },
    "Cadence-Run-Id": {
        "description": "The run that answers; its events can be read again by this id.",
        "required": True,
        "schema": {"type": "string"},
        "example": REQUEST_ID,
    },
}
LIMITS = ["RateLimit", "RateLimit-Policy"]
# By status, besides the request's id, which every answer has.
HEADERS_OF = {
    STATUS[Kind.UNAUTHENTICATED]: ["WWW-Authenticate"],
    STATUS[Kind.CONFLICT]: ["Retry-After"],
    STATUS[Kind.TOO_MANY]: ["Retry-After", *LIMITS],
    STATUS[Kind.UNAVAILABLE]: ["Retry-After"],
}
FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonErrors:
    """What no rule of this floor knows: how guards refuse, and how limits do."""

    guarded: tuple[CadenceError, ...] = ()
    limited: tuple[CadenceError, ...] = ()


class DescribedApi(FastAPI):
    """An application whose document is complete; an operation's id is its function's name.

    `body_examples` are by operation id.
    """

    def __init__(
        self, *, common: CommonErrors, body_examples: Mapping[str, object], **options: Any
    ) -> None:
        super().__init__(generate_unique_id_function=_name, **options)
        self._common = common
        self._body_examples = body_examples

    @override
    def openapi(self) -> JsonObject:
        """Return the document, which is made once."""
        is_new = self.openapi_schema is None
        document = super().openapi()
        if is_new:
            _complete(document, self._common)
            _add_bodies(document, self._body_examples)
        return document


def _name(route: APIRoute) -> str:
    return route.name


def operations(document: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    """Yield method, path and description of every operation, in the order of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _complete(document: JsonObject, common: CommonErrors) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in FASTAPIS_OWN:
        schemas.pop(name, None)
    schemas |= models_json_schema([(ErrorAnswer, "serialization")], ref_template=REFERENCE)[1][
        "$defs"
    ]
    schemas |= event_schemas()
    components["schemas"] = dict(sorted(schemas.items()))
    components["headers"] = HEADERS
    shared: JsonObject = components.setdefault("responses", {})
    for _, path, operation in operations(document):
        for status, response in _responses(path, operation, common).items():
            _finish(status, response, components)
            operation["responses"][str(status)] = _shared(status, response, shared)


def _add_bodies(document: JsonObject, examples: Mapping[str, object]) -> None:
    for _, _, operation in operations(document):
        if operation["operationId"] in examples:
            body = operation["requestBody"]["content"][JSON]
            body["example"] = examples[operation["operationId"]]


def _responses(path: str, operation: JsonObject, common: CommonErrors) -> dict[int, JsonObject]:
    responses: Responses = {
        int(status): response
        for status, response in operation["responses"].items()
        if not _is_fastapis_own(response)
    }
    for error in _by_rule(path, operation, common):
        add_example(responses, STATUS[error.kind], error)
    operation["responses"] = {}
    return {status: responses[status] for status in sorted(map(int, responses))}


def _is_fastapis_own(response: JsonObject) -> bool:
    schema = response.get("content", {}).get(JSON, {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith(FASTAPIS_OWN)


def _by_rule(path: str, operation: JsonObject, common: CommonErrors) -> Iterator[CadenceError]:
    body = operation.get("requestBody", {}).get("content", {})
    if JSON in body:
        yield BodyUnreadable("is not valid JSON (line 1, column 9)")
        yield UnsupportedMediaType(JSON)
    if FORM in body:
        yield BodyUnreadable("has no end")
        yield UnsupportedMediaType(FORM)
    if body:
        yield BodyTooLarge()
    if body or any(each["in"] != "path" for each in operation.get("parameters", [])):
        yield InvalidInput.of(FieldProblem("name", "Field required"))
    if operation.get("security"):
        yield from common.guarded
    if "{" in path:
        yield NotFound()
    if path.startswith("/api/"):
        yield from common.limited
        yield StoreUnavailable(Store.DATABASE)
    yield UNEXPECTED


def _finish(status: int, response: JsonObject, components: JsonObject) -> None:
    names = ["X-Request-Id", *HEADERS_OF.get(status, [])]
    if status < STATUS[Kind.UNREADABLE]:
        names += LIMITS
    content = response.get("content", {})
    if STREAM in content:
        names.append("Cadence-Run-Id")
    for media in content.values():
        if not media.keys() & {"schema", "itemSchema"}:
            media["schema"] = _error_schema(list(media["examples"]))
        if not media.keys() & {"example", "examples"}:
            media["example"] = sample(media["schema"], components)
    response["headers"] = {
        name: {"$ref": f"#/components/headers/{name}"} for name in names
    } | response.get("headers", {})


def _error_schema(codes: list[str]) -> JsonObject:
    code = {"type": "object", "properties": {"code": {"enum": codes}}}
    return {
        "allOf": [
            {"$ref": REFERENCE.format(model=ErrorAnswer.__name__)},
            {"type": "object", "properties": {"error": code}},
        ]
    }


def _shared(status: int, response: JsonObject, shared: JsonObject) -> JsonObject:
    # Most routes fail in the same ways; said once, the document is a fifth as long.
    codes = response.get("content", {}).get(JSON, {}).get("examples")
    if status < STATUS[Kind.UNREADABLE] or not codes:
        return response
    name = ".".join([str(status), *codes])
    if shared.setdefault(name, response) == response:
        return {"$ref": f"#/components/responses/{name}"}
    return response
