"""Starts hosts through a zygote, and a new zygote where the last one is gone."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson
import structlog

from cadence.plugin_host.inside.plan import HostPlan

log = structlog.get_logger(__name__)

# Seconds; it takes a quarter of one, more on a machine that is busy.
_START_WITHIN: Final = 20.0
_FORK_WITHIN: Final = 5.0
_LARGEST_REPLY: Final = 65_536
_STOP_WITHIN: Final = 2.0
_LAST_WORDS: Final = 2000

# Given the descriptor of the zygote's end of its socket, the program to run.
Command = Callable[[int], Sequence[str]]


class HostStartFailed(Exception):
    """No host could be started; why is in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """A process that becomes a host; whoever has it closes all three."""

    connection: socket.socket
    pidfd: int
    output: int


class Zygotes:
    """One zygote at a time, started when it is first needed."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._lock = asyncio.Lock()
        self._zygote: _Zygote | None = None

    @property
    def process_id(self) -> int | None:
        """The process of the present zygote, or of what it runs in; for tests and measurements."""
        return None if self._zygote is None else self._zygote.process.pid

    async def spawn(self, plan: HostPlan) -> Spawned:
        """Start a host; it greets once it is locked in. Raises `HostStartFailed`."""
        async with self._lock:
            for _ in range(2):
                # The zygote may have died since it was last asked: once is no failure.
                zygote = await self._running()
                with suppress(OSError, TimeoutError):
                    return await zygote.fork(plan)
                await self._end()
        raise HostStartFailed("the zygote does not answer")

    async def close(self) -> None:
        """End the zygote, and with it every host."""
        async with self._lock:
            await self._end()

    async def _running(self) -> "_Zygote":
        if self._zygote is None:
            self._zygote = await _start(self._command)
        return self._zygote

    async def _end(self) -> None:
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            await zygote.end()


class _Zygote:
    """A running zygote and the socket on which it is asked."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.process = process
        self._control = control

    async def fork(self, plan: HostPlan) -> Spawned:
        """Ask for a host; raises `OSError` or `TimeoutError` when the zygote is gone."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        output, input_ = os.pipe()
        try:
            ours.setblocking(False)  # noqa: FBT003  # its only argument
            request = orjson.dumps(plan.to_dict())
            socket.send_fds(self._control, [request], [theirs.fileno(), input_])
            pidfd = await self._answered()
        except BaseException:
            ours.close()
            os.close(output)
            raise
        finally:
            theirs.close()
            os.close(input_)
        return Spawned(connection=ours, pidfd=pidfd, output=output)

    async def ready(self) -> None:
        """Wait until it can be asked; raises `OSError` or `TimeoutError`."""
        await _readable(self._control, within=_START_WITHIN)
        if not self._control.recv(_LARGEST_REPLY):
            raise ConnectionError("it has ended")

    async def end(self) -> None:
        """Hang up, and kill it where that is not enough."""
        self._control.close()
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                await self.process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def last_words(self) -> str:
        """Return what it has said, once it has ended; it says nothing unless it fails."""
        said = b"" if self.process.stderr is None else await self.process.stderr.read(_LAST_WORDS)
        return said.decode(errors="replace")

    async def _answered(self) -> int:
        await _readable(self._control, within=_FORK_WITHIN)
        reply, descriptors, _, _ = socket.recv_fds(self._control, _LARGEST_REPLY, 1)
        if not reply or not descriptors:
            raise ConnectionError("it has ended")
        return descriptors[0]


async def _start(command: Command) -> _Zygote:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)  # noqa: FBT003  # its only argument
    try:
        process = await asyncio.create_subprocess_exec(
            *command(theirs.fileno()),
            env={},
            pass_fds=(theirs.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as failure:
        ours.close()
        raise HostStartFailed("the program of the zygote cannot be run") from failure
    finally:
        theirs.close()
    zygote = _Zygote(process, ours)
    try:
        await zygote.ready()
    except (OSError, TimeoutError) as failure:
        await zygote.end()
        log.warning("plugin_zygote_failed", said=await zygote.last_words())
        raise HostStartFailed("the zygote did not start") from failure
    except BaseException:
        await zygote.end()
        raise
    return zygote


async def _readable(connection: socket.socket, *, within: float) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def note() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(connection.fileno(), note)
    try:
        async with asyncio.timeout(within):
            await ready
    finally:
        loop.remove_reader(connection.fileno())


def kill(pidfd: int) -> None:
    """End a process at once, unless it is gone."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
