"""Turns a log event into its line, in which nobody can forge another line (T35)."""

import json
import re

from structlog.typing import EventDict, WrappedLogger

_FIRST = ("timestamp", "level", "logger", "event")
_BLOCKS = ("stack", "exception")
# Controls, line separators, marks that turn the reading direction, and halves of characters.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_NEEDS_QUOTES = re.compile(r"[\s\"'=]|\A\Z")


def render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return the event as one line of ASCII JSON."""
    ordered = {name: event[name] for name in sorted(event, key=_rank)}
    return json.dumps(ordered, ensure_ascii=True).replace("\x7f", "\\u007f")


def render_text(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return the event as one line to read; a traceback follows, each of its lines marked."""
    stamp, level, logger, message = (str(event.get(name, "")) for name in _FIRST)
    more = [
        f"{_escape(name)}={_escape(_quote(event[name]))}"
        for name in sorted(event)
        if name not in _FIRST + _BLOCKS
    ]
    line = " ".join([stamp, f"{level:<8}", _escape(message), *more, f"[{_escape(logger)}]"])
    blocks = [str(event[name]) for name in _BLOCKS if name in event]
    marked = [f"    | {_escape(part)}" for block in blocks for part in block.split("\n")]
    return "\n".join([line, *marked])


def _rank(name: str) -> tuple[int, str]:
    return (_FIRST.index(name), "") if name in _FIRST else (len(_FIRST), name)


def _quote(value: object) -> str:
    if isinstance(value, str) and not _NEEDS_QUOTES.search(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda match: match[0].encode("unicode-escape").decode("ascii"), text)
