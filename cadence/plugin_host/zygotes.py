"""Starts hosts through a zygote, and a new zygote where the last one is gone."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final, TypeVar

import orjson
import structlog

from cadence.plugin_host.inside.plan import HostPlan

log = structlog.get_logger(__name__)

# Seconds; it takes a quarter of one, more on a machine that is busy.
_START_WITHIN: Final = 20.0
_FORK_WITHIN: Final = 5.0
# What a zygote reads of one request; the rest of a longer one would be lost.
_LARGEST_REQUEST: Final = 65_536
_LARGEST_REPLY: Final = 65_536
_STOP_WITHIN: Final = 2.0
_LAST_WORDS: Final = 2000

Answer = TypeVar("Answer")
# Given the descriptor of the zygote's end of its socket, the program to run.
Command = Callable[[int], Sequence[str]]


class HostStartFailed(Exception):
    """No host could be started; why is in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """A process that becomes a host; whoever has it closes all three.

    `is_orphaned` tells whether its zygote is gone, which ends it as well.
    """

    connection: socket.socket
    pidfd: int
    output: int
    is_orphaned: Callable[[], bool]

    def abandon(self) -> None:
        """End the process and close what has to do with it, but for its output."""
        kill(self.pidfd)
        os.close(self.pidfd)
        self.connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A socket that listens on the loopback of one zygote's hosts; whoever has it closes it."""

    socket: socket.socket
    zygote: object


class Zygotes:
    """One zygote at a time, started when it is first needed."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._lock = asyncio.Lock()
        self._zygote: _Zygote | None = None
        self._is_closed = False

    @property
    def process_id(self) -> int | None:
        """The process of the present zygote, or of what it runs in; for tests and measurements."""
        return None if self._zygote is None else self._zygote.process.pid

    async def spawn(self, plan: HostPlan, *, beside: Listener | None = None) -> Spawned:
        """Start a host; it greets once it is locked in.

        Raises `HostStartFailed`, also when the zygote of the listener `beside` it is gone.
        """
        request = orjson.dumps(plan.to_dict())
        if len(request) > _LARGEST_REQUEST:
            raise HostStartFailed("the plan is too long")
        async with self._lock:
            if beside is not None and beside.zygote is not self._zygote:
                raise HostStartFailed("the zygote of its listener is gone")
            return await self._ask(lambda zygote: _fork(zygote, request))

    async def listener(self) -> Listener:
        """Return a socket that hosts can connect to, and no other process of this machine.

        Raises `HostStartFailed`.
        """
        async with self._lock:
            return await self._ask(_listen)

    async def close(self) -> None:
        """End the zygote, and with it every host; nothing is started from then on."""
        self._is_closed = True
        async with self._lock:
            await self._end()

    async def _ask(self, ask: "Callable[[_Zygote], Awaitable[Answer]]") -> Answer:
        for _ in range(2):
            # The zygote may have died since it was last asked: once is no failure.
            zygote = await self._running()
            with suppress(OSError, TimeoutError):
                return await ask(zygote)
            log.warning("plugin_zygote_lost")
            await self._end()
        raise HostStartFailed("the zygote does not answer")

    async def _running(self) -> "_Zygote":
        if self._is_closed:
            raise HostStartFailed("no host is started any more")
        if self._zygote is None:
            self._zygote = await _start(self._command)
        return self._zygote

    async def _end(self) -> None:
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            await zygote.end()


class _Zygote:
    """A running zygote and the socket on which it is asked."""

    def __init__(
        self, process: subprocess.Popen[bytes], control: socket.socket, said: IO[bytes]
    ) -> None:
        self.process = process
        self._said = said
        self._control = control
        # What it said before it ended, which is nothing unless it failed.
        self.last_words = ""
        # Answers to those who went away before they came.
        self._unread = 0

    @property
    def is_gone(self) -> bool:
        """Whether it has ended, also where the event loop has yet to hear of it.

        It hangs up before its hosts are ended by the kernel, so that whoever sees the end of one of
        them sees this as well.
        """
        return self._control.fileno() < 0 or _has_hung_up(self._control) or self._is_dead()

    async def ask(self, request: bytes, descriptors: Sequence[int] = ()) -> int:
        """Ask for something and return the descriptor that is answered: a pidfd, or a socket.

        Raises `HostStartFailed` when it cannot, `OSError` or `TimeoutError` when it is gone.
        """
        while self._unread:
            if (late := await self._answered()) is not None:
                os.close(late)
        socket.send_fds(self._control, [request], descriptors)
        self._unread += 1
        answer = await self._answered()
        if answer is None:
            raise HostStartFailed("the zygote cannot do what it is asked")
        return answer

    async def ready(self) -> None:
        """Wait until it can be asked; raises `OSError` or `TimeoutError`."""
        await _readable(self._control, within=_START_WITHIN)
        if not self._control.recv(_LARGEST_REPLY):
            raise ConnectionError("it has ended")

    async def end(self) -> None:
        """Hang up, and kill it where that is not enough."""
        self._control.close()
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        try:
            self.process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with self._said:
            self._said.seek(0)
            self.last_words = self._said.read()[-_LAST_WORDS:].decode(errors="replace")

    async def _answered(self) -> int | None:
        await _readable(self._control, within=_FORK_WITHIN)
        reply, descriptors, _, _ = socket.recv_fds(
            self._control, _LARGEST_REPLY, 1, socket.MSG_CMSG_CLOEXEC
        )
        if not reply:
            raise ConnectionError("it has ended")
        self._unread -= 1
        return descriptors[0] if descriptors else None

    def _is_dead(self) -> bool:
        # Asked of the kernel, and left for the event loop to find.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self.process.pid, options) is not None
        except ChildProcessError:
            return True


async def _listen(zygote: _Zygote) -> Listener:
    # Without descriptors it is no host that is asked for.
    return Listener(socket=socket.socket(fileno=await zygote.ask(b"{}")), zygote=zygote)


async def _fork(zygote: _Zygote, request: bytes) -> Spawned:
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as failure:
        # No fault of the zygote's, which has other hosts to keep.
        raise HostStartFailed("there are no descriptors left") from failure
    with theirs:
        try:
            return await _fork_with(zygote, request, ours=ours, theirs=theirs)
        except BaseException:
            ours.close()
            raise


async def _fork_with(
    zygote: _Zygote, request: bytes, *, ours: socket.socket, theirs: socket.socket
) -> Spawned:
    try:
        output, input_ = os.pipe()
    except OSError as failure:
        raise HostStartFailed("there are no descriptors left") from failure
    try:
        ours.settimeout(0)
        pidfd = await zygote.ask(request, (theirs.fileno(), input_))
    except BaseException:
        os.close(output)
        raise
    finally:
        os.close(input_)
    return Spawned(connection=ours, pidfd=pidfd, output=output, is_orphaned=lambda: zygote.is_gone)


async def _start(command: Command) -> _Zygote:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)  # noqa: FBT003  # its only argument
    said = tempfile.TemporaryFile()  # noqa: SIM115  # the zygote closes it when it ends
    try:
        process = _run(command(theirs.fileno()), theirs, said)
    except OSError as failure:
        said.close()
        ours.close()
        raise HostStartFailed("the program of the zygote cannot be run") from failure
    finally:
        theirs.close()
    zygote = _Zygote(process, ours, said)
    try:
        await zygote.ready()
    except (OSError, TimeoutError) as failure:
        await zygote.end()
        log.warning("plugin_zygote_failed", said=zygote.last_words)
        raise HostStartFailed("the zygote did not start") from failure
    except BaseException:
        await zygote.end()
        raise
    return zygote


def _run(
    command: Sequence[str], control: socket.socket, said: IO[bytes]
) -> subprocess.Popen[bytes]:
    # At once, which takes a millisecond: the event loop would fork the whole service, and with it
    # run whatever its libraries want to be done in a copy of it.
    return subprocess.Popen(  # noqa: S603  # Python, or bubblewrap with Python
        command,
        env={},
        pass_fds=(control.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        # Whoever stops the service from a terminal does not mean the zygote: turns go on.
        start_new_session=True,
    )


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


def _has_hung_up(connection: socket.socket) -> bool:
    poller = select.poll()
    poller.register(connection, 0)
    return any(found & select.POLLHUP for _, found in poller.poll(0))


def kill(pidfd: int) -> None:
    """End a process at once, unless it is gone."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
