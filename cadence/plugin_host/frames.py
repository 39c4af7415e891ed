"""The frames between the service and a plugin's host: four bytes of length, then a JSON object."""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from cadence.kernel.text import clean

LENGTH: Final = struct.Struct(">I")
# JSON means the same with and without it. Behind it are numbers that orjson would round.
_EXACT: Final = b" "
_DIGITS_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
# The shortest number that may not fit into 64 bits.
_LONG_NUMBER: Final = b"0" * 19
# A text grows to six times its length where it is control characters alone.
_QUOTED: Final = 6
_AROUND_RESULTS: Final = 1024


class FrameInvalid(Exception):
    """What came, or should go, is no frame: no JSON, or no object."""


class FrameTooLong(FrameInvalid):
    """The frame is longer than frames may be."""


def largest_reply(*, frame_bytes: int, result_bytes: int) -> int:
    """Return the length of the largest frame that an honest host sends: two results, or a frame."""
    return max(frame_bytes, 2 * _QUOTED * result_bytes + _AROUND_RESULTS)


def write_frame(message: Mapping[str, Any]) -> bytes:
    """Return a message as it goes over the wire; raises `FrameInvalid` for what JSON cannot say.

    Half surrogate pairs are replaced by U+FFFD, and NaN by null.
    """
    try:
        body = orjson.dumps(message)
    except TypeError:
        # orjson stops at 64 bits; models and plugins do not.
        body = _write_exactly(message)
    return LENGTH.pack(len(body)) + body


def write_ready_frame(body: bytes) -> bytes:
    """Return a body that is JSON already as it goes over the wire."""
    if _LONG_NUMBER in body.translate(_DIGITS_AS_ZEROS):
        body = _EXACT + body
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
                    raise FrameTooLong("too long")
                end = at + LENGTH.size + length
                if len(read) < end:
                    break
                message = _decode(bytes(memoryview(read)[at + LENGTH.size : end]))
                at = end
                yield message
        finally:
            del read[:at]


def _write_exactly(message: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(message, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise FrameInvalid("nothing that JSON can say") from None
    return _EXACT + clean(text).encode()


def _decode(body: bytes) -> dict[str, Any]:
    try:
        # Always this one first: it refuses what the other one would let pass.
        message = orjson.loads(body)
        if body.startswith(_EXACT):
            message = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise FrameInvalid("no JSON") from None
    if not isinstance(message, dict):
        raise FrameInvalid("no object")
    return message
