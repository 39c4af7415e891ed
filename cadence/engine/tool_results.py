"""Turns whatever a plugin returns into what a model reads and a client is shown, within bounds."""

from dataclasses import dataclass
from typing import Any

import orjson

from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable, write_plain_json
from cadence.kernel.text import clean

__all__ = ["Rendered", "ResultTooLarge", "ResultUnreadable", "render"]

_ESCAPED_NUL = b"\\u0000"
_ESCAPED_REPLACEMENT = b"\\ufffd"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One result in two shapes: `text` for a model, `value` as plain JSON for a client."""

    text: str
    value: Any


def render(result: object, *, limit: int) -> Rendered:
    """Render a result of at most `limit` bytes.

    Raises `ResultTooLarge` before anything of the result's size has been built, and
    `ResultUnreadable`.
    """
    if isinstance(result, str):
        return _render_text(result, limit)
    encoded = write_plain_json(result, limit=limit).replace(_ESCAPED_NUL, _ESCAPED_REPLACEMENT)
    return Rendered(encoded.decode(), _decode(encoded))


def _render_text(text: str, limit: int) -> Rendered:
    # A character is at least one byte, so a long text is refused without encoding it.
    if len(text) > limit or (not text.isascii() and len(text.encode(errors="replace")) > limit):
        raise ResultTooLarge
    cleaned = clean(text)
    return Rendered(cleaned, cleaned)


def _decode(encoded: bytes) -> Any:
    try:
        return orjson.loads(encoded)
    except orjson.JSONDecodeError as error:
        raise ResultUnreadable("too deep") from error
