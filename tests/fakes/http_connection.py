"""One client's socket: HTTP/1.1 by h11, and the hands on the socket that faults need."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

import h11
from typing_extensions import override

from tests.fakes.model_request import SocketWatch
from tests.fakes.wire import Arrived, HttpAnswer

Headers = Iterable[tuple[str, str]]


class ClientGone(Exception):
    """The client closed its socket while it was being answered."""


@dataclass(slots=True)
class _Incoming:
    """A request whose body is still arriving."""

    head: h11.Request
    body: bytearray = field(default_factory=bytearray)


class HttpConnection(asyncio.Protocol):
    """Reads requests one after another and gives each to `answer`, in a task of its own.

    Lives in the server's thread, like everything it calls.
    """

    def __init__(
        self,
        *,
        answer: Callable[["HttpConnection", Arrived], asyncio.Task[None]],
        gone: Callable[["HttpConnection"], None],
        next_number: Callable[[], int],
    ) -> None:
        self._answer = answer
        self._gone = gone
        self._next_number = next_number
        self._http = h11.Connection(h11.SERVER)
        self._incoming: _Incoming | None = None
        self._watches: list[SocketWatch] = []
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        try:
            self._read()
        except h11.RemoteProtocolError:
            # Not HTTP, a TLS handshake for one: a plain server hangs up on it.
            self.abort()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        seen_at = time.monotonic()
        for watch in self._watches:
            watch.closed_at = seen_at
        self._transport = None
        self._writable.set()
        if self._task is not None:
            self._task.cancel()
        self._gone(self)

    async def send_whole(self, answer: HttpAnswer) -> None:
        """Send a complete answer."""
        length = ("content-length", str(len(answer.content)))
        self._begin(answer.status, [*answer.headers, length])
        await self.send(answer.content)
        self.finish()

    async def send_part(self, answer: HttpAnswer, size: int) -> None:
        """Promise the whole answer, send the first `size` bytes of it, and hang up."""
        length = ("content-length", str(len(answer.content)))
        self._begin(answer.status, [*answer.headers, length])
        await self.send(answer.content[:size])
        self.hang_up()

    def begin_stream(self, headers: Headers) -> None:
        """Send the head of an answer of unknown length."""
        self._begin(200, [*headers, ("transfer-encoding", "chunked")])

    async def send(self, content: bytes) -> None:
        """Send a piece of the body and wait until the client has room for more.

        Raises `ClientGone` when nobody is there to read it.
        """
        self._write(self._http.send(h11.Data(data=content)))
        await self._writable.wait()
        # An endless answer must let the loop see that its client has left.
        await asyncio.sleep(0)

    def finish(self) -> None:
        """End the body in good order and read the next request from the same socket."""
        self._write(self._http.send(h11.EndOfMessage()))
        self._watches[-1].answered_at = time.monotonic()
        self._task = None
        if self._http.our_state is h11.MUST_CLOSE:
            self.hang_up()
        else:
            self._http.start_next_cycle()
            self._read()

    def hang_up(self) -> None:
        """Close the socket after what is already written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the socket now."""
        if self._transport is not None:
            self._transport.abort()

    def _begin(self, status: int, headers: Headers) -> None:
        encoded = [(name.encode(), text.encode("latin-1")) for name, text in headers]
        self._write(self._http.send(h11.Response(status_code=status, headers=encoded)))

    def _write(self, content: bytes | None) -> None:
        if self._transport is None:
            raise ClientGone
        self._transport.write(content or b"")

    def _read(self) -> None:
        while True:
            match self._http.next_event():
                case h11.Request() as head:
                    self._incoming = _Incoming(head)
                case h11.Data(data=piece) if self._incoming is not None:
                    self._incoming.body += piece
                case h11.EndOfMessage() if self._incoming is not None:
                    self._task = self._answer(self, self._arrived(self._incoming))
                case _:
                    return

    def _arrived(self, incoming: _Incoming) -> Arrived:
        target = urlsplit(incoming.head.target.decode("ascii"))
        watch = SocketWatch(asked_at=time.monotonic())
        self._watches.append(watch)
        return Arrived(
            number=self._next_number(),
            method=incoming.head.method.decode("ascii"),
            path=unquote(target.path),
            query=dict(parse_qsl(target.query)),
            headers={name.decode(): text.decode("latin-1") for name, text in incoming.head.headers},
            content=bytes(incoming.body),
            socket=watch,
        )
