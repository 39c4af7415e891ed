"""How a body is read: the type it must have, and JSON without anything two readers could differ on.

RFC 8259 leaves to a reader what a name twice in an object means, how deep it looks and how large a
number it takes; Python's own takes UTF-16 and NaN besides. Here all of that is refused.
"""

import json
import math
from collections.abc import Callable, Coroutine, Iterable
from email.message import Message
from typing import Any, NoReturn

from fastapi import Request, Response, params
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from typing_extensions import override

from cadence.http.text import DEEPEST, LARGEST
from cadence.kernel.errors import CadenceError, FieldProblem, Kind

FORM = "multipart/form-data"


class BodyUnreadable(CadenceError):
    """The body is no JSON that this service reads."""

    kind = Kind.UNREADABLE
    code = "bad_request"

    def __init__(self, why: str) -> None:
        super().__init__("The request could not be read.", fields=[FieldProblem("body", why)])


class UnsupportedMediaType(CadenceError):
    """The body is of a type that this address does not take."""

    kind = Kind.UNSUPPORTED
    code = "unsupported_media_type"

    def __init__(self, wanted: str) -> None:
        super().__init__(f"Send the body as {wanted} and say so in Content-Type.")


def read_json(body: bytes) -> object:
    """Return what the bytes say; raises `BodyUnreadable`."""
    try:
        value: object = json.loads(
            body.decode("utf-8"), object_pairs_hook=_read_object, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError:
        raise BodyUnreadable("must be UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BodyUnreadable(f"is not valid JSON ({where})") from None
    except ValueError:  # Python turns no more than 4,300 digits into a number
        raise _too_large() from None
    except RecursionError:
        raise _too_deep() from None
    _require_plain(value)
    return value


def _read_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise BodyUnreadable("must not name a field twice in one object")
    return read


def _refuse_constant(_: str) -> NoReturn:
    raise BodyUnreadable("must not hold NaN or Infinity, which are not JSON")


def _require_plain(value: object) -> None:
    # Level by level: a megabyte of numbers passes in a fraction of what a call for each takes.
    level = [value]
    for _ in range(DEEPEST + 1):
        whole = [part for part in level if type(part) is int]
        if whole and (max(whole) > LARGEST or min(whole) < -LARGEST):
            raise _too_large()
        if any(map(math.isinf, [part for part in level if type(part) is float])):
            raise _too_large()
        containers = [_parts(part) for part in level if isinstance(part, dict | list)]
        level = [part for parts in containers for part in parts]
        if not level:
            return
    raise _too_deep()


def _parts(container: dict[str, object] | list[object]) -> Iterable[object]:
    return container.values() if isinstance(container, dict) else container


def _too_large() -> BodyUnreadable:
    return BodyUnreadable("must not hold numbers that 64 bits cannot hold")


def _too_deep() -> BodyUnreadable:
    return BodyUnreadable(f"must not be nested more than {DEEPEST} deep")


class _StrictRequest(Request):
    """A request whose JSON is read by `read_json`."""

    _read: object

    @override
    async def json(self) -> object:
        """Return the body; raises `BodyUnreadable`."""
        if not hasattr(self, "_read"):
            self._read = read_json(await self.body())
        return self._read


Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """A route that refuses a body of the wrong type, and JSON that is not plainly readable.

    FastAPI answers any exception of reading with a 400 that says nothing, so the body is read
    before FastAPI does.
    """

    @override
    def get_route_handler(self) -> Answer:
        """Return what answers a request."""
        answer = super().get_route_handler()
        if self.body_field is None:
            return answer
        if isinstance(self.body_field.field_info, params.Form):
            return _requiring_form(answer)
        return _requiring_json(answer)


def _requiring_json(answer: Answer) -> Answer:
    async def answer_json(request: Request) -> Response:
        strict = _StrictRequest(request.scope, request.receive)
        try:
            body = await strict.body()
        except ClientDisconnect:
            raise BodyUnreadable("has no end") from None
        if body:
            if not _is_json(request.headers.get("content-type", "")):
                raise UnsupportedMediaType("application/json")
            await strict.json()
        return await answer(strict)

    return answer_json


def _requiring_form(answer: Answer) -> Answer:
    async def answer_form(request: Request) -> Response:
        # The form is read while it arrives; whether there is one, the headers tell.
        has_body = "transfer-encoding" in request.headers or (
            request.headers.get("content-length", "0") != "0"
        )
        if has_body and _media_type(request.headers.get("content-type", "")) != FORM:
            raise UnsupportedMediaType(FORM)
        return await answer(request)

    return answer_form


def _is_json(content_type: str) -> bool:
    media_type = _media_type(content_type)
    main, _, kind = media_type.partition("/")
    return main == "application" and (kind == "json" or kind.endswith("+json"))


def _media_type(content_type: str) -> str:
    # The reading of FastAPI, which decides by it whether to ask for JSON at all. It takes what it
    # cannot read for `text/plain`.
    message = Message()
    message["content-type"] = content_type
    return message.get_content_type()
