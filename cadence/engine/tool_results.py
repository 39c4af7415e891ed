"""Turns whatever a plugin returns into what a model reads and a client is shown, within bounds."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel

from cadence.engine.text import clean

# Two quotes, brackets or braces: the least that anything but a number or a constant takes.
_PAIR = 2

# orjson writes no deeper, and nothing that people or models read is.
_DEEPEST = 200

_ESCAPED_NUL = b"\\u0000"
_ESCAPED_REPLACEMENT = b"\\ufffd"


class ResultTooLarge(Exception):
    """The result is longer than a result may be."""


class ResultUnreadable(Exception):
    """The result is nothing that JSON can say."""


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
    measure(result, limit=limit)
    encoded = _encode(result)
    if len(encoded) > limit:
        raise ResultTooLarge
    encoded = encoded.replace(_ESCAPED_NUL, _ESCAPED_REPLACEMENT)
    return Rendered(encoded.decode(), _decode(encoded))


def measure(value: object, *, limit: int) -> None:
    """Raise `ResultTooLarge` as soon as a lower bound of the JSON's length passes `limit` bytes.

    Raises `ResultUnreadable` for a result that is nested too deeply, or contains itself.
    """
    size = 0
    waiting = [iter((value,))]
    while waiting:
        if len(waiting) > _DEEPEST:
            raise ResultUnreadable("nested too deeply")
        for item in waiting[-1]:
            size += _own_size(item)
            if size > limit:
                raise ResultTooLarge
            parts = _parts(item)
            if parts is not None:
                waiting.append(iter(parts))
                break
        else:
            waiting.pop()


def _render_text(text: str, limit: int) -> Rendered:
    # A character is at least one byte, so a long text is refused without encoding it.
    if len(text) > limit or (not text.isascii() and len(text.encode(errors="replace")) > limit):
        raise ResultTooLarge
    cleaned = clean(text)
    return Rendered(cleaned, cleaned)


def _own_size(item: object) -> int:
    if isinstance(item, str):
        return len(item) + _PAIR
    return 1 if isinstance(item, bool | int | float | None) else _PAIR


def _parts(item: object) -> Iterable[object] | None:
    match item:
        case str() | bytes() | bytearray() | memoryview():
            return None
        case Mapping():
            return (part for pair in item.items() for part in pair)
        case list() | tuple() | AbstractSet():
            return item
        case BaseModel():
            return (part for pair in item for part in pair)
        case _ if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return (getattr(item, field.name) for field in dataclasses.fields(item))
        case _:
            return None


def _encode(result: object) -> bytes:
    try:
        return orjson.dumps(result, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError as error:
        return _encode_slowly(result, error)


def _encode_slowly(result: object, why: Exception) -> bytes:
    # orjson stops at 64 bits and at half surrogates; a factorial or a broken text is still JSON.
    try:
        text = json.dumps(result, default=_plain, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ResultUnreadable(type(result).__qualname__) from why
    return clean(text).encode()


def _decode(encoded: bytes) -> Any:
    try:
        return orjson.loads(encoded)
    except orjson.JSONDecodeError as error:
        raise ResultUnreadable("too deep") from error


def _plain(item: object) -> object:
    match item:
        case BaseModel():
            return item.model_dump(mode="json")
        case Mapping():
            return dict(item)
        case set() | frozenset():
            return list(item)
        case _:
            raise TypeError(f"{type(item).__qualname__} cannot be written as JSON.")
