"""Attacks on the service's patience: ends, crashes, hangs, floods and broken frames."""

import ctypes
import os
import struct
import time
from typing import NoReturn

import orjson

from .trying import Around, Attack

_CONNECTION = 3
_LONG = 600
_FLOOD = 4 * 1024 * 1024


def exit_at_once(_: Around) -> NoReturn:
    os._exit(0)


def exit_politely(_: Around) -> NoReturn:
    raise SystemExit


def interrupt(_: Around) -> NoReturn:
    raise KeyboardInterrupt


def crash(_: Around) -> None:
    ctypes.string_at(0)


def abort(_: Around) -> NoReturn:
    os.abort()


def hang(_: Around) -> None:
    time.sleep(_LONG)


def close_connection(_: Around) -> None:
    os.close(_CONNECTION)
    time.sleep(_LONG)


def flood_output(_: Around) -> None:
    for _number in range(_FLOOD // 1024):
        os.write(1, b"x" * 1023 + b"\n")


def forge_log_line(around: Around) -> None:
    os.write(2, b'{"level":"critical","event":"forged"}\n\x1b[31m' + around["canary"].encode())


def send_garbage(_: Around) -> None:
    _send(b"\xff" * 8)


def send_large_frame(_: Around) -> None:
    _write(struct.pack(">I", 2**31))


def send_half_a_frame(_: Around) -> None:
    _write(struct.pack(">I", 1000) + b"{")
    time.sleep(_LONG)


def send_no_object(_: Around) -> None:
    _send(b"[]")


def send_no_number(_: Around) -> None:
    _send(b'{"id":NaN,"ok":null}')


def send_text_as_number(_: Around) -> None:
    _send(orjson.dumps({"id": "1", "ok": None}))


def send_deep_frame(_: Around) -> None:
    _send(b'{"id":1,"ok":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def answer_foreign_calls(around: Around) -> None:
    for number in (-1, 0, 10**6, 2**70):
        if number < 2**63:
            _send(orjson.dumps({"id": number, "ok": {"read": around["canary"]}}))


def greet_again(_: Around) -> None:
    _send(orjson.dumps({"id": 0, "ok": None}))


def _send(body: bytes) -> None:
    _write(struct.pack(">I", len(body)) + body)


def _write(content: bytes) -> None:
    sent = 0
    while sent < len(content):
        try:
            sent += os.write(_CONNECTION, content[sent:])
        except BlockingIOError:
            time.sleep(0.01)


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        *(exit_at_once, exit_politely, interrupt, crash, abort, hang, close_connection),
        *(flood_output, forge_log_line, send_garbage, send_large_frame, send_half_a_frame),
        *(send_no_object, send_no_number, send_text_as_number, send_deep_frame),
        *(answer_foreign_calls, greet_again),
    )
}
