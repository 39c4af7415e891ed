"""What every request passes before it is read: its key, its size, its JSON, its model."""

from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request as HttpRequest

from cadence.offline_model.refusals import Reason, Refused

MODEL = "offline-1"
"""The name under which the stand-in lists itself; any name that begins with "offline" is it."""

LARGEST_BODY = 8 * 1024 * 1024
"""How many bytes a request's body may have."""

_LARGEST_SWALLOWED = 4 * LARGEST_BODY
_REFUSED_KEYS = "invalid"

Body = TypeVar("Body", bound=BaseModel)


def check_key(key: str) -> None:
    """Raise `Refused` without a key, or with one that begins with "invalid"."""
    if not key:
        raise Refused(Reason.KEY_MISSING, "You did not provide an API key.")
    if key.startswith(_REFUSED_KEYS):
        raise Refused(
            Reason.KEY_INVALID,
            "API key not valid. Please pass a valid API key; this one is incorrect.",
        )


def check_model(name: str) -> None:
    """Raise `Refused` for a model that is not the stand-in."""
    if not name.lower().startswith("offline"):
        raise Refused(
            Reason.MODEL_UNKNOWN,
            f"The model `{name[:100]}` does not exist; the stand-in's name is `{MODEL}`.",
            field="model",
        )


def bearer_key(http: HttpRequest) -> str:
    """Return the key from the `Authorization: Bearer` header, or nothing."""
    scheme, _, key = http.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


async def read_body(http: HttpRequest) -> bytes:
    """Return the body; raises `Refused` when it is longer than it may be.

    Of a body that is too long a little more is read and thrown away, because a client that is
    still sending sees a broken connection and not the answer.
    """
    body = bytearray()
    size = 0
    async for chunk in http.stream():
        size += len(chunk)
        if size <= LARGEST_BODY:
            body += chunk
        if size > _LARGEST_SWALLOWED:
            break
    if size > LARGEST_BODY:
        message = f"The body may have at most {LARGEST_BODY} bytes."
        raise Refused(Reason.BODY_TOO_LARGE, message)
    return bytes(body)


def parse_body(raw: bytes, form: type[Body]) -> Body:
    """Read a body; raises `Refused` naming the first field that is wrong, never its value."""
    try:
        value = orjson.loads(raw)
        # orjson reads deeper than it writes; what it cannot write is too deep for everyone after.
        orjson.dumps(value)
    except (ValueError, TypeError):
        raise Refused(
            Reason.BODY_MALFORMED, "We could not parse the JSON body of your request."
        ) from None
    try:
        return form.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        message = f"Invalid value for '{field}': {first['msg']}."
        raise Refused(Reason.REQUEST_INVALID, message, field=field) from None
