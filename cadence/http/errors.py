"""One shape for every error, and the one table that picks a status."""

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadence.kernel.errors import CadenceError, FieldProblem, Kind

STATUS = {
    Kind.UNREADABLE: 400,
    Kind.INVALID: 422,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.TOO_MANY: 429,
    Kind.UPSTREAM: 502,
    Kind.UNAVAILABLE: 503,
    Kind.TIMEOUT: 504,
    Kind.FULL: 507,
    Kind.INTERNAL: 500,
}


class BodyTooLarge(CadenceError):
    """The body has more bytes than this address takes."""

    kind = Kind.TOO_LARGE
    code = "body_too_large"

    def __init__(self) -> None:
        super().__init__("The body is larger than this address takes.")


ROUTING = {
    400: ("bad_request", "The request could not be read."),
    404: ("not_found", "There is nothing here by that id."),
    413: (BodyTooLarge.code, BodyTooLarge().message),
    405: ("method_not_allowed", "This address does not take that method."),
}

UNEXPECTED = CadenceError(
    "Something went wrong on our side. Quote the request id when you report it."
)

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
    body = _body(request_id, code, message=message, fields=fields)
    headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
    if status == STATUS[Kind.UNAUTHENTICATED]:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def error_body(error: CadenceError, *, request_id: str) -> dict[str, Any]:
    """Return the body that an error is answered with."""
    body = _body(request_id, error.code, message=error.message, fields=error.fields)
    return body.model_dump()


def _body(
    request_id: str, code: str, *, message: str, fields: Sequence[FieldProblem]
) -> ErrorAnswer:
    shown = [ErrorField(path=_writable(field.path), message=field.message) for field in fields]
    return ErrorAnswer(
        error=ErrorBody(code=code, message=message, fields=shown, request_id=request_id)
    )


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


class UnexpectedErrors:
    """Answers 500 for whatever nothing else has caught, and logs it once, with one traceback.

    A handler of `Exception` would be called by Starlette, which raises the error once more for the
    server to log again. An answer that has begun cannot be taken back: the server cuts it off.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:  # the outermost loop of a request: logged once, and answered
            log.exception("request_failed", path=scope["path"], error=type(error).__name__)
            if not has_begun:
                await _unexpected(Request(scope))(scope, receive, send)


def _unexpected(request: Request) -> Response:
    return error_answer(
        request_id_of(request),
        STATUS[Kind.INTERNAL],
        UNEXPECTED.code,
        message=UNEXPECTED.message,
    )


def _writable(path: str) -> str:
    # JSON can name a field by half a character, which no answer could be written with.
    return path[:LONGEST_PATH].encode(errors="backslashreplace").decode()


def _field(problem: dict[str, Any]) -> FieldProblem:
    place = [str(part) for part in problem["loc"] if part not in ("body", "query", "path")]
    return FieldProblem(".".join(place) or "body", str(problem["msg"]))
