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

from cadence.plugin_host.frames import FrameInvalid, FrameReader, FrameTooLong, write_frame
from cadence.plugin_host.zygotes import Spawned, kill

# The greeting is no reply to anything that was asked.
_GREETING: Final = 0
# Seconds that a tool has for its last words after its time is up.
_GRACE: Final = 0.25
# Every request is answered once, so that an honest host sends none. Each costs time to read.
_MOST_STRAYS: Final = 16
# Seconds after which nobody listens any more to what a process printed before it died.
_LAST_WORDS: Final = 1.0


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


class HostNotAsked(HostEnded):
    """The host had ended before it was asked, so that nothing has been done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBounds:
    """What one host may: requests and replies of so many bytes, and so much at once.

    `calls` are those that hold a thread in the host, `waiting_calls` those of async tools.
    """

    calls: int
    waiting_calls: int
    frame_bytes: int
    reply_bytes: int


@dataclass(slots=True)
class _Asked:
    """A request under way; nobody waits for one whose caller has gone."""

    reply: "asyncio.Future[Mapping[str, Any]]"
    alarm: asyncio.TimerHandle
    place: asyncio.Semaphore | None


OnEnd = Callable[["PluginHost", Ending], None]


class PluginHost(asyncio.Protocol):
    """A process with one plugin; it is killed when it breaks the rules or a call never ends.

    Whoever makes one calls `connect`. From then on it closes what it was given.
    """

    def __init__(
        self, spawned: Spawned, *, output: asyncio.BaseTransport, bounds: HostBounds, on_end: OnEnd
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._spawned = spawned
        self._output = output
        self._free = asyncio.Semaphore(bounds.calls)
        self._free_waiting = asyncio.Semaphore(bounds.waiting_calls)
        self._frame_bytes = bounds.frame_bytes
        self._reader = FrameReader(limit=bounds.reply_bytes)
        self._on_end = on_end
        self._numbers = count(1)
        self._agents = count(1)
        self._asked: dict[int, _Asked] = {}
        self._strays = 0
        self._transport: asyncio.WriteTransport | None = None
        self._ending: Ending | None = None
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._is_lost = asyncio.Event()
        self._is_over = asyncio.Event()
        self.agents = 0
        self.used_at = self._loop.time()

    async def connect(self) -> None:
        """Listen to the process; raises `OSError`, and then has ended it."""
        try:
            _ = await self._loop.create_connection(lambda: self, sock=self._spawned.connection)
        except BaseException:
            if self._transport is None:
                self._spawned.connection.close()
                self.connection_lost(None)
            self.kill(Ending.STOPPED)
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._ending is None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._asked

    @property
    def has_greeted(self) -> bool:
        """Whether it has been locked in, so that the plugin's code may have run."""
        return self._greeted.done() and self._greeted.exception() is None

    async def over(self) -> None:
        """Wait until it has ended and all that belonged to it is closed, its output as well."""
        _ = await self._is_lost.wait()
        self._stop_listening()
        _ = await self._is_over.wait()

    @property
    def is_over(self) -> bool:
        """Whether `over` waits for nothing any more."""
        return self._is_over.is_set()

    def next_agent(self) -> int:
        """Return a number for an agent that this host does not have yet.

        Whoever opens the agent counts it in `agents`.
        """
        return next(self._agents)

    async def greeted(self, *, within: float) -> None:
        """Wait until it is locked in; raises `HostEnded` or `TimeoutError`."""
        async with asyncio.timeout(within):
            await asyncio.shield(self._greeted)

    async def ask(self, do: str, *, within: float, **fields: Any) -> Any:
        """Ask for something that is no call, and return what is answered.

        It takes a place as calls do, but for closing, which nothing may keep from being done.
        Raises `HostEnded`, and `FrameInvalid` for what cannot be sent.
        """
        if do == "close":
            return await self._ask({"do": do, **fields}, within=within, place=None)
        return await self._ask({"do": do, **fields}, within=within, place=self._free)

    async def call(
        self,
        agent: int,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        within: float,
        is_async: bool = False,
    ) -> Mapping[str, Any]:
        """Call a tool and return the reply, `ok` or `error`.

        As many calls run at once as the host takes, of tools that are `is_async` many more; others
        wait for their turn, and `within` counts from there. Cancelling the caller cancels the call;
        one that goes on after its time ends the host. Raises `HostEnded`, and `FrameInvalid` for
        arguments that cannot be sent.
        """
        message = {"do": "call", "agent": agent, "tool": tool, "arguments": arguments}
        place = self._free_waiting if is_async else self._free
        return await self._ask(message, within=within, place=place)

    async def anchor(self, agent: int, resource_id: str, *, within: float) -> Mapping[str, Any]:
        """Ask an agent for a record and its rules, as `call` calls a tool: it takes its turn."""
        message = {"do": "anchor", "agent": agent, "resource_id": resource_id}
        return await self._ask(message, within=within, place=self._free)

    def kill(self, ending: Ending) -> None:
        """End it at once."""
        if self._ending is None:
            self._ending = ending
            kill(self._spawned.pidfd)
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
    def eof_received(self) -> None:
        # Closing would wait until all that was written is read, by one who may never read.
        self.kill(self._why_gone())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        ending = self._ending = self._ending or self._why_gone()
        # It may have closed its socket and live on.
        kill(self._spawned.pidfd)
        os.close(self._spawned.pidfd)
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
        self._let_it_finish(ending)
        self._on_end(self, ending)
        self._is_lost.set()

    async def _ask(
        self, message: dict[str, Any], *, within: float, place: asyncio.Semaphore | None
    ) -> Mapping[str, Any]:
        if place is not None:
            await place.acquire()
        number = next(self._numbers)
        try:
            self._send({"id": number, **message})
        except BaseException:
            if place is not None:
                place.release()
            raise
        reply: asyncio.Future[Mapping[str, Any]] = self._loop.create_future()
        alarm = self._loop.call_later(within + _GRACE, self.kill, Ending.HUNG)
        self._asked[number] = _Asked(reply, alarm, place)
        try:
            return await reply
        except asyncio.CancelledError:
            self._cancel(number)
            raise

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._ending is not None or self._transport is None:
            raise HostNotAsked(self._ending or Ending.STOPPED)
        frame = write_frame(message)
        if len(frame) > self._frame_bytes:
            raise FrameTooLong("too long to send")
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
            self._strays += 1
            if self._strays > _MOST_STRAYS:
                raise FrameInvalid("it answers what nobody asked")
            return
        self._settle(asked)
        self.used_at = self._loop.time()
        if not asked.reply.done():
            asked.reply.set_result(message)

    def _settle(self, asked: _Asked) -> None:
        asked.alarm.cancel()
        if asked.place is not None:
            asked.place.release()

    def _why_gone(self) -> Ending:
        # Its zygote's death is no crash of the plugin's.
        return Ending.STOPPED if self._spawned.is_orphaned() else Ending.CRASHED

    def _let_it_finish(self, ending: Ending) -> None:
        # A process that it has left behind may hold the other end of the pipe for ever.
        if ending is Ending.STOPPED:
            self._stop_listening()
        else:
            _ = self._loop.call_later(_LAST_WORDS, self._stop_listening)

    def _stop_listening(self) -> None:
        self._output.close()
        _ = self._loop.call_soon(self._is_over.set)
