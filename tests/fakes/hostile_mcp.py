"""An MCP server that misbehaves on a real socket: each of its ways is a function of the request."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.fakes.mcp_servers import open_app

Json = dict[str, Any]
Send = Callable[[Json], Awaitable[None]]
JSON, EVENTS = "application/json", "text/event-stream"
# Parts of a flood: what uvicorn sends to a client that has left goes nowhere, without an error.
FLOOD = 200
TOOL: Json = {"name": "add", "description": "Adds.", "inputSchema": {"type": "object"}}


@dataclass
class Request:
    """One message that came, and how to answer it."""

    method: str
    message: Json
    headers: dict[str, str]
    send: Send

    @property
    def id(self) -> object:
        return self.message.get("id")

    def result(self, result: Json) -> bytes:
        return orjson.dumps({"jsonrpc": "2.0", "id": self.id, "result": result})

    async def start(self, status: int = 200, kind: str = JSON, **headers: str) -> None:
        pairs = {"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
        raw = [(key.encode(), value.encode()) for key, value in pairs.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def part(self, body: bytes, *, more: bool = True) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, body: bytes, status: int = 200, kind: str = JSON, **more: str) -> None:
        await self.start(status, kind, **more)
        await self.part(body, more=False)


Way = Callable[[Request], Awaitable[None]]


@dataclass
class Hostile:
    """A server; `ways` says by JSON-RPC method how it misbehaves, the rest is as it should be.

    An entry for `*` stands for every message.
    """

    ways: dict[str, Way] = field(default_factory=dict)
    tools: list[Json] = field(default_factory=lambda: [TOOL])
    seen: list[Json] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        self.requests.append(f"{scope['method']} {scope['path']}")
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        body = b""
        while (event := await receive()).get("more_body") or event.get("body"):
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        message = orjson.loads(body) if body else {}
        self.seen.append(message)
        request = Request(message.get("method", ""), message, headers, send)
        way = self.ways.get(request.method) or self.ways.get("*")
        await (way or self.behave)(request)

    async def behave(self, request: Request) -> None:
        """Answer as a server should."""
        match request.method:
            case "initialize":
                info = {"name": "hostile", "version": "1"}
                said = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": info}
                await request.answer(request.result(said), mcp_session_id="s1")
            case "tools/list":
                await request.answer(request.result({"tools": self.tools}))
            case "tools/call":
                text = {"type": "text", "text": "3"}
                await request.answer(request.result({"content": [text]}))
            case _:
                await request.answer(b"", status=202)


@asynccontextmanager
async def open_hostile(**more: Any) -> AsyncIterator[Hostile]:
    """Serve a misbehaving server."""
    server = Hostile(**more)
    async with open_app(server) as base:
        server.url = f"{base}/mcp"
        yield server


async def _live(receive: Any, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


def says(body: bytes, status: int = 200, kind: str = JSON, **headers: str) -> Way:
    """Answer with these bytes, whatever is asked."""

    async def way(request: Request) -> None:
        await request.answer(body, status, kind, **headers)

    return way


def gives(result: Json) -> Way:
    """Answer with this result."""

    async def way(request: Request) -> None:
        await request.answer(request.result(result))

    return way


def fails(code: int, message: str, status: int = 200) -> Way:
    """Answer with an error of the protocol."""

    async def way(request: Request) -> None:
        error = {"jsonrpc": "2.0", "id": request.id, "error": {"code": code, "message": message}}
        await request.answer(orjson.dumps(error), status)

    return way


async def hangs(_: Request) -> None:
    """Never answer."""
    await asyncio.sleep(60)


async def stops_in_the_middle(request: Request) -> None:
    """Begin an answer and close the connection."""
    await request.start(content_length="1000")
    await request.part(b'{"jsonrpc": "2.0",')
    raise ConnectionError("gone")


async def drips(request: Request) -> None:
    """Send a byte now and then, for longer than anybody waits."""
    await request.start()
    for _ in range(200):
        await request.part(b" ")
        await asyncio.sleep(0.05)


async def floods(request: Request) -> None:
    """Send far more than is taken."""
    await request.start()
    for _ in range(FLOOD):
        await request.part(b" " * 65_536)


async def floods_events(request: Request) -> None:
    """Send notifications, and no answer."""
    note = {"level": "info", "data": "x" * 1000}
    event = {"jsonrpc": "2.0", "method": "notifications/message", "params": note}
    await request.start(kind=EVENTS)
    for _ in range(FLOOD):
        await request.part(b"data: " + orjson.dumps(event) + b"\n\n")


async def keeps_an_event_open(request: Request) -> None:
    """Send one event without an end."""
    await request.start(kind=EVENTS)
    await request.part(b"data: ")
    for _ in range(FLOOD):
        await request.part(b"x" * 65_536)


async def ends_without_an_answer(request: Request) -> None:
    """Open a stream of events and close it."""
    await request.answer(b"", kind=EVENTS)


async def bombs(request: Request) -> None:
    """Answer with what is small on the wire only."""
    await request.answer(gzip.compress(b" " * 50_000_000), content_encoding="gzip")


async def answers_another(request: Request) -> None:
    """Answer a question that nobody asked."""
    await request.answer(orjson.dumps({"jsonrpc": "2.0", "id": 4711, "result": {}}))


def asks_back(times: int) -> Way:
    """Ask things of the client, and then answer."""

    async def way(request: Request) -> None:
        await request.start(kind=EVENTS)
        for number in range(times):
            method = ("sampling/createMessage", "elicitation/create", "roots/list")[number % 3]
            params: Json = {"message": "?", "requestedSchema": {"type": "object", "properties": {}}}
            if number % 3 == 0:
                params = {"messages": [], "maxTokens": 5}
            ask = {"jsonrpc": "2.0", "id": f"q{number}", "method": method, "params": params}
            await request.part(b"data: " + orjson.dumps(ask) + b"\n\n")
        await asyncio.sleep(0.3)
        text = {"content": [{"type": "text", "text": "3"}]}
        await request.part(b"data: " + request.result(text) + b"\n\n", more=False)

    return way
