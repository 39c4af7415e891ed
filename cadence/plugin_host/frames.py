"""The frames between the service and a plugin's host: four bytes of length, then a JSON object."""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

LENGTH: Final = struct.Struct(">I")


class FrameInvalid(Exception):
    """What came is no frame: too long, no JSON, or no object."""


def write_frame(message: Mapping[str, Any]) -> bytes:
    """Return a message as it goes over the wire; raises `TypeError` for what JSON cannot say."""
    try:
        body = orjson.dumps(message)
    except TypeError:
        # orjson stops at 64 bits; models and plugins do not.
        body = json.dumps(message, ensure_ascii=True, allow_nan=False).encode()
    return LENGTH.pack(len(body)) + body


def write_ready_frame(body: bytes) -> bytes:
    """Return a body that is JSON already as it goes over the wire."""
    return LENGTH.pack(len(body)) + body


class FrameReader:
    """Cuts what comes into messages; a frame may have `limit` bytes."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._read = bytearray()

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Yield the messages that are whole by now; raises `FrameInvalid`, and is then of no use.

        NaN, lone surrogates, bytes that are no UTF-8 and nesting without end are refused.
        """
        read = self._read
        read += chunk
        at = 0
        try:
            while len(read) - at >= LENGTH.size:
                (length,) = LENGTH.unpack_from(read, at)
                if length > self._limit:
                    raise FrameInvalid("too long")
                end = at + LENGTH.size + length
                if len(read) < end:
                    break
                message = _decode(bytes(memoryview(read)[at + LENGTH.size : end]))
                at = end
                yield message
        finally:
            del read[:at]


def _decode(body: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise FrameInvalid("no JSON") from None
    if not isinstance(message, dict):
        raise FrameInvalid("no object")
    return message
