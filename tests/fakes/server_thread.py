"""Runs an HTTP server on 127.0.0.1 in a thread of its own, for as long as a context is open."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager

from tests.fakes.http_connection import HttpConnection
from tests.fakes.wire import Arrived

Answering = Callable[[HttpConnection, Arrived], Coroutine[None, None, None]]

# What the server has seen is asked for this often; the times themselves are exact.
LOOK_EVERY = 0.002
# From a socket accepted to its protocol made: a task started, its transport, `connection_made`.
ROUNDS_TO_CONNECT = 3


class ServerThread:
    """The thread, its loop and its sockets; `answer` runs there, once for each request."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self._numbers = itertools.count(1)
        self._connections: set[HttpConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._ready: Future[int] = Future()
        self._stop = asyncio.Event()
        self._done: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)

    @property
    def open_sockets(self) -> int:
        """How many sockets clients hold open, in use or idle."""
        return len(self._connections)

    async def start(self) -> int:
        """Start listening and return the port."""
        self._thread.start()
        return await asyncio.wrap_future(self._ready)

    async def stop(self) -> None:
        """Close every socket and end the thread; raises what ended it before its time."""
        if not self._done.done():
            self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.wrap_future(self._done)
        self._thread.join()

    async def until(self, holds: Callable[[], bool], *, within: float) -> None:
        """Wait for a condition on what the server has seen; raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110  # another thread makes it true
                await asyncio.sleep(LOOK_EVERY)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # carried to `stop`, which raises it
            if not self._ready.done():
                self._ready.set_exception(error)
            self._done.set_exception(error)
        else:
            self._done.set_result(None)

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as answering:
            listener = await self._loop.create_server(
                lambda: self._accept(answering), host="127.0.0.1", port=0
            )
            self._ready.set_result(listener.sockets[0].getsockname()[1])
            try:
                await self._stop.wait()
            finally:
                await self._stop_listening(listener)

    async def _stop_listening(self, listener: asyncio.Server) -> None:
        # A socket that was accepted in this very round becomes a connection of ours only in the
        # loop's next ones; so first no more are accepted, then those are waited for.
        self._loop.remove_reader(listener.sockets[0].fileno())
        for _ in range(ROUNDS_TO_CONNECT):
            await asyncio.sleep(0)
        await self._close_connections()
        listener.close()

    async def _close_connections(self) -> None:
        while self._connections:
            for connection in tuple(self._connections):
                connection.abort()
            await asyncio.sleep(0)

    def _accept(self, answering: asyncio.TaskGroup) -> HttpConnection:
        connection = HttpConnection(
            answer=lambda client, arrived: answering.create_task(self._answer(client, arrived)),
            gone=self._connections.discard,
            next_number=lambda: next(self._numbers),
        )
        self._connections.add(connection)
        return connection


@asynccontextmanager
async def open_server_thread(answer: Answering) -> AsyncIterator[tuple[ServerThread, int]]:
    """Run a server and yield it with its port."""
    server = ServerThread(answer)
    port = await server.start()
    try:
        yield server, port
    finally:
        await server.stop()
