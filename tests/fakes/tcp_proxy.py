"""A TCP proxy in a thread of its own, which does to connections what networks do to them.

with open_tcp_proxy("127.0.0.1", 6379) as proxy:
    ...a client of proxy.port...
    with proxy.weather(Weather(delay=2.0)):
        ...every byte is two seconds late, each way, on connections that are open too...
    proxy.reset()
"""

import asyncio
import contextlib
import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.fakes.sockets import LOOPBACK, RESET_ON_CLOSE
from tests.fixtures.service import unused_port

PIECE = 65_536
# Pieces on their way in one direction; whoever sends more has to wait.
ON_THE_WAY = 64
SWITCH_WITHIN = 5.0

Arrival = tuple[float, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to bytes on their way and to new connections.

    `delay` is in seconds, each way. In the dark clients may connect and write, and nothing comes
    through in either direction until it is over: a black hole, whose packets TCP sends again.
    `resets` sends RST to each new connection as soon as it is there; `refuses` lets none in.
    """

    delay: float = 0.0
    bytes_per_second: float = math.inf
    is_dark: bool = False
    resets: bool = False
    refuses: bool = False


FAIR = Weather()


@dataclass(slots=True)
class Counts:
    """What has come so far: connections, RSTs sent, bytes to the server and from it."""

    accepted: int = 0
    resets: int = 0
    upward: int = 0
    downward: int = 0


@dataclass(slots=True, eq=False)
class _Line:
    """One connection of a client, ours to the server once there is one, and who serves both."""

    client: asyncio.StreamWriter
    task: asyncio.Task[None]
    server: asyncio.StreamWriter | None = None
    is_half_closed: bool = False

    def close(self) -> None:
        for end in (self.client, self.server):
            if end is not None:
                end.transport.abort()


class TcpProxy:
    """Stands before one server; every method may be called from the test's thread."""

    def __init__(self, host: str, port: int) -> None:
        self.port = unused_port()
        self.counts = Counts()
        self._far = (host, port)
        self._weather = FAIR
        self._cleared = asyncio.Event()
        self._over = asyncio.Event()
        self._lines: set[_Line] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tcp proxy", daemon=True)

    @property
    def open_lines(self) -> int:
        """How many clients are connected."""
        return len(self._lines)

    def set(self, weather: Weather) -> None:
        """Change the weather, for connections that are open too."""
        self._ask(lambda: self._set(weather))

    @contextmanager
    def weather(self, weather: Weather) -> Iterator[None]:
        """Have this weather for as long as the block takes, and a fair one after it."""
        self.set(weather)
        try:
            yield
        finally:
            self.set(FAIR)

    def reset(self) -> None:
        """Send RST on every connection that is open."""
        self._ask(self._reset)

    def half_close(self) -> None:
        """Tell every client that nothing more will come; what it sends still goes to the server."""
        self._ask(self._half_close)

    def start(self) -> None:
        """Listen; to be called once."""
        self._thread.start()
        self.set(FAIR)

    def stop(self) -> None:
        """Close every connection and stop listening."""
        self._ask(self._over.set)
        self._thread.join(SWITCH_WITHIN)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self._over.wait()
        self._stop_listening()
        serving = [line.task for line in self._lines]
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        # Transports that were aborted close their sockets in the loop's next round.
        await asyncio.sleep(0)

    def _ask(self, change: Callable[[], None]) -> None:
        async def ask() -> None:
            change()
            is_open = self._listener is not None
            if self._weather.refuses and is_open:
                self._stop_listening()
            elif not self._weather.refuses and not is_open and not self._over.is_set():
                self._listener = await asyncio.start_server(self._accept, LOOPBACK, self.port)

        asyncio.run_coroutine_threadsafe(ask(), self._loop).result(SWITCH_WITHIN)

    def _set(self, weather: Weather) -> None:
        self._weather = weather
        if weather.is_dark:
            self._cleared.clear()
        else:
            self._cleared.set()
        if weather.resets or weather.refuses:
            self._reset()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _reset(self) -> None:
        for line in self._lines:
            self._send_reset(line.client)
            line.task.cancel()

    def _send_reset(self, client: asyncio.StreamWriter) -> None:
        self.counts.resets += 1
        told: socket.socket = client.get_extra_info("socket")
        with suppress(OSError):
            told.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        client.transport.abort()

    def _half_close(self) -> None:
        for line in self._lines:
            line.is_half_closed = True
            line.client.write_eof()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.counts.accepted += 1
        if self._weather.resets:
            self._send_reset(client)
            return
        task = asyncio.current_task()
        assert task is not None
        line = _Line(client, task)
        self._lines.add(line)
        try:
            # A client that leaves, or is reset, ends its line; asyncio would log a task's end as a
            # failure when it was cancelled.
            with suppress(OSError, ExceptionGroup, asyncio.CancelledError):
                await self._connect(line, reader)
        finally:
            self._lines.discard(line)
            line.close()

    async def _connect(self, line: _Line, reader: asyncio.StreamReader) -> None:
        await self._cleared.wait()
        try:
            far_reader, line.server = await asyncio.open_connection(*self._far)
        except OSError:
            self._send_reset(line.client)
            raise
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pump(reader, _Way(self, line, is_upward=True)))
            both.create_task(self._pump(far_reader, _Way(self, line, is_upward=False)))

    async def _pump(self, reader: asyncio.StreamReader, way: "_Way") -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(way.deliver())
            while piece := await reader.read(PIECE):
                await way.arrivals.put((self._due(), piece))
            await way.arrivals.put((self._due(), b""))

    def _due(self) -> float:
        return self._loop.time() + self._weather.delay

    async def _let_through(self, piece: bytes, due: float) -> None:
        """Return when these bytes may go on."""
        await asyncio.sleep(due - self._loop.time())
        await asyncio.sleep(len(piece) / self._weather.bytes_per_second)
        await self._cleared.wait()


@dataclass(slots=True)
class _Way:
    """One direction of a line, and the pieces that are on it; an empty one is its end."""

    proxy: TcpProxy
    line: _Line
    is_upward: bool
    arrivals: asyncio.Queue[Arrival] = field(default_factory=lambda: asyncio.Queue(ON_THE_WAY))

    async def deliver(self) -> None:
        end = self.line.server if self.is_upward else self.line.client
        assert end is not None
        while True:
            due, piece = await self.arrivals.get()
            await self.proxy._let_through(piece, due)  # noqa: SLF001  # a part of it
            if self.line.is_half_closed and not self.is_upward:
                continue
            if not piece:
                end.write_eof()
                return
            end.write(piece)
            await end.drain()
            if self.is_upward:
                self.proxy.counts.upward += len(piece)
            else:
                self.proxy.counts.downward += len(piece)


@contextlib.contextmanager
def open_tcp_proxy(host: str, port: int) -> Iterator[TcpProxy]:
    """Run a proxy before this address until the block is left."""
    proxy = TcpProxy(host, port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
