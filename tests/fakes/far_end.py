"""A local HTTP server at the far end of the wire that remembers who came and what they asked."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names are in lower case."""

    line: str
    headers: dict[str, str]


@dataclass(slots=True)
class FarEnd:
    """Where the server listens, what it answers, and what has reached it."""

    answer: bytes
    host: str = ""
    port: int = 0
    connections: int = 0
    requests: list[Received] = field(default_factory=list)
    _open: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open[asyncio.current_task()] = writer
        try:
            while head := await _read_head(reader):
                received = _parse(head)
                self.requests.append(received)
                await reader.readexactly(int(received.headers.get("content-length", "0")))
                writer.write(self.answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client left
        finally:
            writer.close()

    async def everyone_left(self) -> None:
        await asyncio.gather(*filter(None, self._open))

    async def close(self) -> None:
        for writer in self._open.values():
            writer.close()
        await self.everyone_left()


def http_answer(body: object = "ok", *, status: str = "200 OK", **headers: str) -> bytes:
    """Return a whole answer; the body is sent as JSON, `set_cookie=` becomes `set-cookie:`."""
    content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "content-type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"content-length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content


@asynccontextmanager
async def open_far_end(
    host: str = "127.0.0.1", *, answer: bytes | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[FarEnd]:
    """Listen on a free port of this loopback address until the block is left."""
    far = FarEnd(answer or http_answer(), host)
    server = await asyncio.start_server(far.serve, host, 0, ssl=tls)
    far.port = server.sockets[0].getsockname()[1]
    try:
        yield far
    finally:
        server.close()
        await far.close()
        await server.wait_closed()


async def _read_head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return ""


def _parse(head: str) -> Received:
    line, *fields = head.strip().split("\r\n")
    pairs = (field.split(":", 1) for field in fields)
    return Received(line, {name.strip().lower(): value.strip() for name, value in pairs})
