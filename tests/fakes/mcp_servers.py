"""MCP servers on real sockets: one made with the `mcp` library, and ones that misbehave."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import EmbeddedResource, ImageContent, TextContent, TextResourceContents
from pydantic import BaseModel

App = Callable[[Any, Any, Any], Awaitable[None]]
Headers = dict[str, str]
LOOK_EVERY = 0.01


class Point(BaseModel):
    """A place on a plane."""

    x: int
    y: int


@dataclass
class Seen:
    """What a server has been sent, and what became of its slow calls."""

    headers: list[Headers] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    started: int = 0
    cancelled: int = 0
    refusals: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where a server listens, what it has seen, and a way to make it forget its sessions."""

    url: str
    seen: Seen
    forget: Callable[[], None]

    async def until(self, holds: Callable[[Seen], bool], *, within: float = 5.0) -> None:
        """Wait until something is true of what it has seen; raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while not holds(self.seen):  # noqa: ASYNC110  # another thread makes it true
                await asyncio.sleep(LOOK_EVERY)


@asynccontextmanager
async def open_mcp_server(
    *,
    json_response: bool = False,
    stateless: bool = False,
    tools: Callable[[MCPServer, Seen], None] | None = None,
) -> AsyncIterator[RunningServer]:
    """Serve a few tools of every sort, in a thread of its own."""
    seen = Seen()
    server: MCPServer = MCPServer("weather", instructions="Ask for a town before its weather.")
    (tools or add_tools)(server, seen)
    app = server.streamable_http_app(json_response=json_response, stateless_http=stateless)
    async with open_app(_watching(app, seen)) as url:
        yield RunningServer(f"{url}/mcp", seen, lambda: _forget(server.session_manager))


def add_tools(server: MCPServer, seen: Seen) -> None:
    """Register the usual tools."""
    _add_plain_tools(server)
    _add_slow_tools(server, seen)


def _add_plain_tools(server: MCPServer) -> None:
    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two whole numbers."""
        return a + b

    @server.tool()
    def distance(start: Point, end: Point) -> str:
        """Say how far it is from one place to another."""
        return f"{abs(start.x - end.x) + abs(start.y - end.y)} blocks"

    @server.tool()
    def fail(reason: str) -> str:
        """Fail for a reason."""
        raise ValueError(reason)

    @server.tool(structured_output=False)
    def picture() -> list[Any]:
        """Show a picture, and what it shows."""
        notes = TextResourceContents(uri="note://1", text="Taken at noon.")
        return [
            TextContent(type="text", text="A cloud."),
            ImageContent(type="image", data="AAAA", mime_type="image/png"),
            EmbeddedResource(type="resource", resource=notes),
        ]


def _add_slow_tools(server: MCPServer, seen: Seen) -> None:
    @server.tool()
    async def wait(seconds: float) -> str:
        """Wait for a while."""
        seen.started += 1
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            seen.cancelled += 1
            raise
        return "waited"

    @server.tool()
    async def ask_model(context: Context) -> str:
        """Ask the client's model, which no server may."""
        try:
            await context.elicit("Which town?", schema=Point)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what the test looks at
            seen.refusals.append(str(error))
            return "refused"
        return "answered"


@asynccontextmanager
async def open_app(app: App) -> AsyncIterator[str]:
    """Serve an ASGI application on a real socket and yield its base URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="mcp-server", daemon=True
        )
        thread.start()
        try:
            async with asyncio.timeout(10):
                while not server.started:  # noqa: ASYNC110  # another thread makes it true
                    await asyncio.sleep(LOOK_EVERY)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.to_thread(thread.join)


def _watching(app: App, seen: Seen) -> App:
    async def watch(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.methods.append(scope["method"])
            seen.headers.append({key.decode(): value.decode() for key, value in scope["headers"]})
        await app(scope, receive, send)

    return watch


def _forget(manager: StreamableHTTPSessionManager) -> None:
    manager._server_instances.clear()  # noqa: SLF001  # what a restart does to it


@cache
def lasting_mcp_url() -> str:
    """Return the address of a server that is there for as long as the test process is.

    For scenes that are built once and called from many event loops.
    """
    app = MCPServer("lasting")
    _add_plain_tools(app)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(app.streamable_http_app(), log_config=None))
    threading.Thread(
        target=server.run, kwargs={"sockets": [listening]}, name="lasting-mcp", daemon=True
    ).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
