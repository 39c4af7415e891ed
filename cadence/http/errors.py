"""One shape for every error, and the one table that picks a status."""

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response

from cadence.kernel.errors import CadenceError, FieldProblem, Kind

STATUS = {
    Kind.INVALID: 422,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.TOO_MANY: 429,
    Kind.UPSTREAM: 502,
    Kind.UNAVAILABLE: 503,
    Kind.TIMEOUT: 504,
    Kind.INTERNAL: 500,
}

ROUTING = {
    400: ("bad_request", "The request could not be read."),
    404: ("not_found", "There is nothing here by that id."),
    413: ("body_too_large", "The body is larger than this address takes."),
    405: ("method_not_allowed", "This address does not take that method."),
}

# A path repeats names that the client made up; this many characters of one are enough to find it.
LONGEST_PATH = 256

log = structlog.get_logger(__name__)


class ErrorField(BaseModel):
    """One field of the input and what is wrong with it."""

    path: str
    message: str


class ErrorBody(BaseModel):
    """What went wrong, for programs (`code`) and for people (`message`)."""

    code: str
    message: str
    fields: list[ErrorField]
    request_id: str


class ErrorAnswer(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorBody


def install_error_answers(app: FastAPI) -> None:
    """Give every failure of `app` the one shape."""
    app.add_exception_handler(CadenceError, _answer_cadence_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(StarletteHTTPException, _answer_routing)
    app.add_exception_handler(Exception, _answer_unexpected)


def request_id_of(request: Request) -> str:
    """Return the id that the middleware gave this request."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def error_answer(
    request_id: str,
    status: int,
    code: str,
    *,
    message: str,
    fields: Sequence[FieldProblem] = (),
    retry_after: float | None = None,
) -> JSONResponse:
    """Build the answer of one failure; `retry_after` is in seconds."""
    body = ErrorBody(
        code=code,
        message=message,
        fields=[ErrorField(path=_writable(field.path), message=field.message) for field in fields],
        request_id=request_id,
    )
    headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
    if status == STATUS[Kind.UNAUTHENTICATED]:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": body.model_dump()}, status_code=status, headers=headers)


async def _answer_cadence_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, CadenceError):
        raise error
    return error_answer(
        request_id_of(request),
        STATUS[error.kind],
        error.code,
        message=error.message,
        fields=error.fields,
        retry_after=error.retry_after,
    )


async def _answer_invalid_request(request: Request, error: Exception) -> Response:
    # Pydantic's own list repeats the input, and so a submitted key; only path and reason go out.
    if not isinstance(error, RequestValidationError):
        raise error
    fields = [_field(problem) for problem in error.errors()]
    return error_answer(
        request_id_of(request),
        STATUS[Kind.INVALID],
        "validation_failed",
        message="The request has invalid fields.",
        fields=fields,
    )


async def _answer_routing(request: Request, error: Exception) -> Response:
    if not isinstance(error, StarletteHTTPException):
        raise error
    code, message = ROUTING.get(error.status_code, ("http_error", "The request was refused."))
    return error_answer(request_id_of(request), error.status_code, code, message=message)


async def _answer_unexpected(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    answer = error_answer(
        request_id_of(request),
        STATUS[Kind.INTERNAL],
        "internal_error",
        message="Something went wrong on our side. Quote the request id when you report it.",
    )
    # The server hangs up after this answer; a client that is not told would ask again into nothing.
    answer.headers["Connection"] = "close"
    return answer


def _writable(path: str) -> str:
    # JSON can name a field by half a character, which no answer could be written with.
    return path[:LONGEST_PATH].encode(errors="backslashreplace").decode()


def _field(problem: dict[str, Any]) -> FieldProblem:
    if problem["type"] == "json_invalid":
        return FieldProblem("body", "is not valid JSON")
    place = [str(part) for part in problem["loc"] if part not in ("body", "query", "path")]
    return FieldProblem(".".join(place) or "body", str(problem["msg"]))
