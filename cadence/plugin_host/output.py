"""What plugins print: read line by line, bounded, and logged as theirs."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import structlog
from typing_extensions import override

log = structlog.get_logger("cadence.plugin")

_LONGEST_LINE: Final = 1000
# What a line costs besides its bytes: each is a line of the log, however short it is.
_LINE: Final = 64
_MINUTE: Final = 60.0
# Reading what is dropped costs the service time. So much of it is read, then none for so many
# seconds, in which the plugin's prints wait.
_SPILL: Final = 1_048_576
_BREATH: Final = 0.1


class PrintedLines(asyncio.Protocol):
    """Logs each line with whose it is; what goes beyond the bytes of a minute is only counted."""

    def __init__(self, about: Mapping[str, Any], *, bytes_per_minute: int) -> None:
        self._about = about
        self._bytes_per_minute = bytes_per_minute
        self._loop = asyncio.get_running_loop()
        self._now: Callable[[], float] = self._loop.time
        self._minute = self._now()
        self._taken = self._dropped = self._spilt = 0
        self._rest = b""
        self._transport: asyncio.ReadTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one without being of that class.
        self._transport = cast("asyncio.ReadTransport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._turn_the_minute()
        if self._is_full:
            self._spill(data)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > _LONGEST_LINE:
            self._take(self._rest)
            self._rest = b""

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._take(self._rest)
        self._tell_dropped()

    @property
    def _is_full(self) -> bool:
        return self._taken >= self._bytes_per_minute

    def _take(self, line: bytes) -> None:
        if self._is_full:
            self._dropped += len(line)
            return
        self._dropped += max(0, len(line) - _LONGEST_LINE)
        if text := _readable(line):
            self._taken += len(text) + _LINE
            log.info("plugin_printed", text=text, **self._about)

    def _spill(self, data: bytes) -> None:
        self._dropped += len(self._rest) + len(data)
        self._rest = b""
        self._spilt += len(data)
        if self._spilt >= _SPILL and self._transport is not None:
            self._spilt = 0
            self._transport.pause_reading()
            _ = self._loop.call_later(_BREATH, self._go_on)

    def _go_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _turn_the_minute(self) -> None:
        if self._now() - self._minute >= _MINUTE:
            self._tell_dropped()
            self._minute = self._now()
            self._taken = 0

    def _tell_dropped(self) -> None:
        if self._dropped:
            log.warning("plugin_prints_too_much", dropped_bytes=self._dropped, **self._about)
            self._dropped = 0


async def follow(
    output: int, about: Mapping[str, Any], *, bytes_per_minute: int
) -> asyncio.BaseTransport:
    """Log what comes out of a pipe until its other end, or what is returned, is closed.

    Closes this end, also when it fails.
    """
    lines = PrintedLines(about, bytes_per_minute=bytes_per_minute)
    pipe = os.fdopen(output, "rb", buffering=0)
    try:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: lines, pipe)
    except BaseException:
        pipe.close()
        raise
    return transport


def _readable(line: bytes) -> str:
    text = line[:_LONGEST_LINE].decode(errors="replace").rstrip()
    # Who reads the log on a terminal must not have it taken over.
    return "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in text)
