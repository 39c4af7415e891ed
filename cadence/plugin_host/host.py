"""One running host, as the service sees it: requests go out, replies come to who asked."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any, Final, cast

from typing_extensions import override

from cadence.plugin_host.frames import FrameInvalid, FrameReader, write_frame
from cadence.plugin_host.zygotes import Spawned, kill

# The greeting is no reply to anything that was asked.
_GREETING: Final = 0
# A reply may hold two results, each written at up to twice its length.
_FRAME_ROOM: Final = 5
# Seconds that a tool has for its last words after its time is up.
_GRACE: Final = 0.25


class Ending(StrEnum):
    """Why a host is gone."""

    STOPPED = "stopped"
    CRASHED = "crashed"
    HUNG = "hung"
    GARBLED = "garbled"


class HostEnded(Exception):
    """The host ended before it replied."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(str(ending))
        self.ending = ending


@dataclass(slots=True)
class _Asked:
    """A request under way; nobody waits for one whose caller has gone."""

    reply: "asyncio.Future[Mapping[str, Any]]"
    alarm: asyncio.TimerHandle
    is_call: bool


OnEnd = Callable[["PluginHost", Ending], None]


class PluginHost(asyncio.Protocol):
    """A process with one plugin; it is killed when it breaks the rules or a call never ends."""

    def __init__(self, spawned: Spawned, *, calls: int, frame_bytes: int, on_end: OnEnd) -> None:
        self._loop = asyncio.get_running_loop()
        self._pidfd = spawned.pidfd
        self._free = asyncio.Semaphore(calls)
        self._frame_bytes = frame_bytes
        self._reader = FrameReader(limit=_FRAME_ROOM * frame_bytes)
        self._on_end = on_end
        self._numbers = count(1)
        self._agents = count(1)
        self._asked: dict[int, _Asked] = {}
        self._transport: asyncio.WriteTransport | None = None
        self._ending: Ending | None = None
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self.used_at = self._loop.time()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._ending is None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._asked

    def next_agent(self) -> int:
        """Return a number for an agent that this host does not have yet."""
        return next(self._agents)

    async def greeted(self, *, within: float) -> None:
        """Wait until it is locked in; raises `HostEnded` or `TimeoutError`."""
        async with asyncio.timeout(within):
            await asyncio.shield(self._greeted)

    async def ask(self, do: str, *, within: float, **fields: Any) -> Any:
        """Ask for something that is no call, and return what is answered."""
        return await self._ask({"do": do, **fields}, within=within, is_call=False)

    async def call(
        self, agent: int, tool: str, arguments: Mapping[str, Any], *, within: float
    ) -> Mapping[str, Any]:
        """Call a tool and return the reply, `ok` or `error`.

        As many calls run at once as the host takes; others wait for their turn, and `within`
        counts from there. Cancelling the caller cancels the call; one that goes on after its time
        ends the host. Raises `HostEnded`, and `FrameInvalid` for arguments that are too long.
        """
        await self._free.acquire()
        message = {"do": "call", "agent": agent, "tool": tool, "arguments": arguments}
        return await self._ask(message, within=within, is_call=True)

    def kill(self, ending: Ending) -> None:
        """End it at once."""
        if self._ending is None:
            self._ending = ending
            kill(self._pidfd)
            if self._transport is not None:
                self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one without being of that class.
        self._transport = cast("asyncio.WriteTransport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                self._hear(message)
        except FrameInvalid:
            self.kill(Ending.GARBLED)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        ending = self._ending = self._ending or Ending.CRASHED
        # It may have closed its socket and live on.
        kill(self._pidfd)
        os.close(self._pidfd)
        self._transport = None
        if not self._greeted.done():
            self._greeted.set_exception(HostEnded(ending))
            self._greeted.exception()  # nobody may be waiting for it
        asked, self._asked = self._asked, {}
        for each in asked.values():
            self._settle(each)
            if not each.reply.done():
                each.reply.set_exception(HostEnded(ending))
                each.reply.exception()
        self._on_end(self, ending)

    async def _ask(
        self, message: dict[str, Any], *, within: float, is_call: bool
    ) -> Mapping[str, Any]:
        number = next(self._numbers)
        asked = _Asked(
            self._loop.create_future(),
            self._loop.call_later(within + _GRACE, self.kill, Ending.HUNG),
            is_call,
        )
        try:
            self._send({"id": number, **message})
        except BaseException:
            self._settle(asked)
            raise
        self._asked[number] = asked
        try:
            return await asked.reply
        except asyncio.CancelledError:
            self._cancel(number)
            raise

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._ending is not None or self._transport is None:
            raise HostEnded(self._ending or Ending.STOPPED)
        frame = write_frame(message)
        if len(frame) > self._frame_bytes:
            raise FrameInvalid("too long to send")
        self.used_at = self._loop.time()
        self._transport.write(frame)

    def _cancel(self, number: int) -> None:
        if number in self._asked:
            with suppress(HostEnded):
                self._send({"id": next(self._numbers), "do": "cancel", "call": number})

    def _hear(self, message: Mapping[str, Any]) -> None:
        number = message.get("id")
        if type(number) is not int:
            raise FrameInvalid("no number")
        if number == _GREETING and not self._greeted.done():
            self._greeted.set_result(None)
            return
        asked = self._asked.pop(number, None)
        if asked is None:
            return  # answered already, or never asked
        self._settle(asked)
        if not asked.reply.done():
            asked.reply.set_result(message)

    def _settle(self, asked: _Asked) -> None:
        asked.alarm.cancel()
        if asked.is_call:
            self._free.release()
