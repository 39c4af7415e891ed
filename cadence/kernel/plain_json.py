"""Whatever Python code returns, written as JSON within bounds.

orjson is fast and takes what plugins return most; the rest is written slowly rather than refused.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import orjson
from pydantic import BaseModel

from cadence.kernel.text import clean

# Two quotes, brackets or braces: the least that anything but a number or a constant takes.
_PAIR = 2

# orjson writes no deeper, and nothing that people or models read is.
_DEEPEST = 200


class ResultTooLarge(Exception):
    """The result is longer than a result may be."""


class ResultUnreadable(Exception):
    """The result is nothing that JSON can say."""


def write_plain_json(value: object, *, limit: int) -> bytes:
    """Return the value as JSON of at most `limit` bytes.

    Raises `ResultTooLarge` before anything of the value's size has been built, and
    `ResultUnreadable`.
    """
    measure(value, limit=limit)
    encoded = _encode(value)
    if len(encoded) > limit:
        raise ResultTooLarge
    return encoded


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
