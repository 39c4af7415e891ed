"""What routers add to the document of the API: the errors of a route, and examples of its body."""

from http import HTTPStatus
from inspect import getdoc
from typing import Any

from cadence.http.errors import STATUS, error_body
from cadence.kernel.errors import CadenceError

# The parts of an OpenAPI document, which FastAPI knows by no narrower type.
JsonObject = dict[str, Any]
Responses = dict[int | str, JsonObject]

JSON = "application/json"
REQUEST_ID = "01JD0EXAMPLE0000000000000Z"


def errors(*possible: CadenceError) -> Responses:
    """Say that a route can fail in these ways; each error is at once its own example.

    What any route can answer (a body that cannot be read, no token, no such thing) is added to all
    of them by `DescribedApi` and need not be named.
    """
    responses: Responses = {}
    for error in possible:
        add_example(responses, STATUS[error.kind], error)
    return responses


def add_example(responses: Responses, status: int, error: CadenceError) -> None:
    """Add one more way to fail, unless the same code is there already."""
    response = responses.setdefault(
        status,
        {"description": HTTPStatus(status).phrase, "content": {JSON: {"examples": {}}}},
    )
    response["content"][JSON]["examples"].setdefault(
        error.code,
        {
            "summary": (getdoc(error) or error.message).splitlines()[0],
            "value": error_body(error, request_id=REQUEST_ID),
        },
    )
