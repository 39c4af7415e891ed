"""What plugins print: read line by line, bounded, and logged as theirs."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from typing_extensions import override

log = structlog.get_logger("cadence.plugin")

_LONGEST_LINE: Final = 1000
_MINUTE: Final = 60.0


class PrintedLines(asyncio.Protocol):
    """Logs each line with whose it is; what goes beyond the bytes of a minute is only counted."""

    def __init__(self, about: Mapping[str, Any], *, bytes_per_minute: int) -> None:
        self._about = about
        self._bytes_per_minute = bytes_per_minute
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._minute = self._now()
        self._taken = self._dropped = 0
        self._rest = b""

    @override
    def data_received(self, data: bytes) -> None:
        self._turn_the_minute()
        room = self._bytes_per_minute - self._taken
        self._taken += min(len(data), room)
        self._dropped += max(0, len(data) - room)
        *lines, self._rest = (self._rest + data[: max(0, room)]).split(b"\n")
        for line in lines:
            self._say(line)
        if len(self._rest) > _LONGEST_LINE:
            self._say(self._rest)
            self._rest = b""

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._say(self._rest)
        self._tell_dropped()

    def _say(self, line: bytes) -> None:
        text = line[:_LONGEST_LINE].decode(errors="replace").rstrip()
        if text:
            log.info("plugin_printed", text=text, **self._about)

    def _turn_the_minute(self) -> None:
        if self._now() - self._minute >= _MINUTE:
            self._tell_dropped()
            self._minute = self._now()
            self._taken = 0

    def _tell_dropped(self) -> None:
        if self._dropped:
            log.warning("plugin_prints_too_much", dropped_bytes=self._dropped, **self._about)
            self._dropped = 0


async def follow(output: int, about: Mapping[str, Any], *, bytes_per_minute: int) -> None:
    """Log what comes out of a pipe until its other end is closed; closes this one."""
    lines = PrintedLines(about, bytes_per_minute=bytes_per_minute)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: lines, os.fdopen(output, "rb", buffering=0))
