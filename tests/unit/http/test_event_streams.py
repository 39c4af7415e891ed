"""Event streams over real sockets: who reads, who does not, who is gone, and a server that ends."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import uvicorn
from redis.exceptions import ConnectionError as RedisConnectionError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from cadence.http.connections import UNACKNOWLEDGED_SECONDS, CuttableConnection
from cadence.http.sse import HEARTBEAT, WRITE_BYTES, EventStream, EventStreams
from cadence.runs.logged import LoggedEvent
from tests.fakes.sockets import LOOPBACK, RESET_ON_CLOSE

FINAL = b'{"outcome":"completed","final":true}'
# Seconds for what is bound to happen; nothing here is as slow.
SOON = 10.0
SEND_TIMEOUT = 0.4
REQUEST = b"GET / HTTP/1.1\r\nhost: cadence\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def said(number: int, words: bytes = b"word") -> LoggedEvent:
    return LoggedEvent(number, "message", b'{"content":"%b"}' % words)


def final(number: int) -> LoggedEvent:
    return LoggedEvent(number, "metadata", FINAL)


@dataclass
class Log:
    """What is read: batches, or what goes wrong; `left` is set when its reader has closed it."""

    batches: asyncio.Queue[Sequence[LoggedEvent] | Exception] = field(default_factory=asyncio.Queue)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, *events: LoggedEvent) -> None:
        self.batches.put_nowait(events)

    async def read(self) -> AsyncIterator[Sequence[LoggedEvent]]:
        try:
            while True:
                batch = await self.batches.get()
                if isinstance(batch, Exception):
                    raise batch
                yield batch
                if batch and batch[-1].is_final:
                    return
        finally:
            self.left.set()

    async def note_lost(self) -> None:
        self.lost.set()


@dataclass
class Stage:
    """A server whose every answer is the log."""

    log: Log
    server: uvicorn.Server
    serving: asyncio.Task[None]
    port: int

    @asynccontextmanager
    async def client(self) -> AsyncIterator[socket.socket]:
        """Connect, ask and read the head of the answer."""
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            # Small, so that little fits between the two.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(0)
            await loop.sock_connect(client, (LOOPBACK, self.port))
            await loop.sock_sendall(client, REQUEST)
            head = await read_until(client, b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            yield client

    async def until_nobody_is_connected(self) -> None:
        state = self.server.server_state
        await until(lambda: not state.connections and not state.tasks)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with opened(graceful_seconds=20) as found:
        yield found


@asynccontextmanager
async def opened(*, graceful_seconds: int) -> AsyncIterator[Stage]:
    log = Log()
    streams = EventStreams(send_timeout=SEND_TIMEOUT)

    async def answer(_: Request) -> EventStream:
        return streams.answer(log.read(), run_id="run", on_lost=log.note_lost)

    config = uvicorn.Config(
        Starlette(routes=[Route("/", answer)]),
        http=CuttableConnection,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=graceful_seconds,
    )
    server = uvicorn.Server(config)
    with socket.create_server((LOOPBACK, 0)) as listening:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[listening]))
            await until(lambda: server.started)
            yield Stage(log, server, serving, listening.getsockname()[1])
            server.should_exit = server.force_exit = True


async def read_until(client: socket.socket, end: bytes) -> bytes:
    read = b""
    async with asyncio.timeout(SOON):
        while not read.endswith(end):
            part = await asyncio.get_running_loop().sock_recv(client, 1)
            assert part, f"the server left after {read!r}"
            read += part
    return read


async def read_chunk(client: socket.socket) -> bytes:
    """Return what one write of the answer's body has brought."""
    size = int(await read_until(client, b"\r\n"), 16)
    read = b""
    async with asyncio.timeout(SOON):
        while len(read) < size + 2:
            left = size + 2 - len(read)
            part = await asyncio.get_running_loop().sock_recv(client, left)
            assert part, "the server left in the middle of a chunk"
            read += part
    return read[:-2]


async def read_to_the_end(client: socket.socket) -> bytes:
    read = b""
    async with asyncio.timeout(SOON):
        with suppress(ConnectionResetError):
            while part := await asyncio.get_running_loop().sock_recv(client, WRITE_BYTES):
                read += part
    return read


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not is_so():  # noqa: ASYNC110  # uvicorn tells nobody
            await asyncio.sleep(0.01)


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(SOON):
        await event.wait()


async def test_events_that_are_there_at_once_leave_in_one_write(stage: Stage) -> None:
    stage.log.say(said(1), said(2, b"more"), said(3))
    async with stage.client() as client:
        assert await read_chunk(client) == (
            b'id: 1\nevent: message\ndata: {"content":"word"}\n\n'
            b'id: 2\nevent: message\ndata: {"content":"more"}\n\n'
            b'id: 3\nevent: message\ndata: {"content":"word"}\n\n'
        )


async def test_a_long_log_leaves_in_writes_that_a_slow_reader_can_take(stage: Stage) -> None:
    events = [said(number, b"x" * 1000) for number in range(1, 501)]
    stage.log.say(*events, final(501))
    read = []
    async with stage.client() as client:
        while chunk := await read_chunk(client):
            read.append(chunk)
    assert max(map(len, read)) < WRITE_BYTES + 2000
    assert [b"".join(read).count(b"id: %d\n" % event.id) for event in events] == [1] * 500


async def test_the_answer_ends_with_the_final_event(stage: Stage) -> None:
    async with stage.client() as client:
        stage.log.say(final(1))
        assert await read_chunk(client) == b"id: 1\nevent: metadata\ndata: %b\n\n" % FINAL
        assert await read_until(client, b"\r\n\r\n") == LAST_CHUNK
        await soon(stage.log.left)
    await stage.until_nobody_is_connected()
    assert not stage.log.lost.is_set()


async def test_an_empty_batch_is_a_comment_that_keeps_proxies_awake(stage: Stage) -> None:
    async with stage.client() as client:
        stage.log.say()
        assert await read_chunk(client) == HEARTBEAT


async def test_a_client_that_does_not_read_is_cut_off_and_its_socket_freed(stage: Stage) -> None:
    for number in range(1, 501):
        stage.log.say(said(number, b"x" * WRITE_BYTES))
    async with stage.client() as client:
        await soon(stage.log.lost)
        assert stage.log.left.is_set()
        await stage.until_nobody_is_connected()
        assert not (await read_to_the_end(client)).endswith(LAST_CHUNK)


async def test_a_client_that_reads_slowly_is_not_cut_off(stage: Stage) -> None:
    events = [said(number, b"x" * WRITE_BYTES) for number in range(1, 21)]
    stage.log.say(*events, final(21))
    async with stage.client() as client:
        for _ in events:
            await read_chunk(client)
            await asyncio.sleep(SEND_TIMEOUT / 5)
        assert await read_chunk(client) == b"id: 21\nevent: metadata\ndata: %b\n\n" % FINAL
    assert not stage.log.lost.is_set()


async def test_a_client_that_resets_is_noticed_while_nothing_is_said(stage: Stage) -> None:
    async with stage.client() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    await soon(stage.log.lost)
    assert stage.log.left.is_set()
    await stage.until_nobody_is_connected()


async def test_a_client_that_closes_is_noticed_while_nothing_is_said(stage: Stage) -> None:
    async with stage.client() as client:
        stage.log.say(said(1))
        await read_chunk(client)
    await soon(stage.log.lost)
    await stage.until_nobody_is_connected()


async def test_a_client_that_closes_its_half_is_taken_for_gone(stage: Stage) -> None:
    async with stage.client() as client:
        client.shutdown(socket.SHUT_WR)
        await soon(stage.log.lost)
        await stage.until_nobody_is_connected()


async def test_a_client_that_leaves_after_the_final_event_is_not_lost(stage: Stage) -> None:
    async with stage.client() as client:
        stage.log.say(final(1))
        await read_chunk(client)
    await stage.until_nobody_is_connected()
    assert stage.log.left.is_set()
    assert not stage.log.lost.is_set()


async def test_a_silent_network_is_given_up_by_the_kernel(stage: Stage) -> None:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        pytest.skip("this system has no TCP_USER_TIMEOUT")
    async with stage.client():
        (connection,) = stage.server.server_state.connections
        assert isinstance(connection, CuttableConnection)
        own = connection.transport.get_extra_info("socket")
        set_to = own.getsockopt(socket.IPPROTO_TCP, option)
    assert set_to == UNACKNOWLEDGED_SECONDS * 1000


@pytest.mark.parametrize("failure", [RedisConnectionError("gone"), ConnectionResetError("gone")])
async def test_a_store_that_goes_away_ends_the_answer_without_a_final_event(
    stage: Stage, failure: Exception
) -> None:
    async with stage.client() as client:
        stage.log.say(said(1))
        stage.log.batches.put_nowait(failure)
        await read_chunk(client)
        assert await read_until(client, b"\r\n\r\n") == LAST_CHUNK
    await stage.until_nobody_is_connected()
    assert not stage.log.lost.is_set()


async def test_a_server_that_ends_lets_a_stream_come_to_its_final_event(stage: Stage) -> None:
    async with stage.client() as client:
        stage.server.should_exit = True
        await until(lambda: not stage.server.servers[0].is_serving())
        stage.log.say(said(1), final(2))
        assert FINAL in await read_chunk(client)
        assert await read_until(client, b"\r\n\r\n") == LAST_CHUNK
        await stage.serving
    assert not stage.log.lost.is_set()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # uvicorn leaves the socket to its loop
async def test_a_server_that_cuts_its_streams_has_lost_no_client() -> None:
    async with opened(graceful_seconds=1) as stage, stage.client():
        stage.server.should_exit = True
        await soon(stage.log.left)
        await stage.serving
        assert not stage.log.lost.is_set()
