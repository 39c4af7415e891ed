"""The two HTTP clients that all models of a process share, and what the engine asks of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Protocol, cast

import httpx
import httpx2

from cadence.engine.bounded_body import BoundedBody
from cadence.engine.read_ahead import JoinedBody, Stream


class Transports(Protocol):
    """Where vendors' clients send their requests; whoever opened the clients closes them.

    OpenAI and Anthropic use httpx2, Google uses httpx. They must not follow redirects and must not
    read proxies from the environment.
    """

    @property
    def httpx(self) -> httpx.AsyncClient:
        """The client for Google."""
        ...

    @property
    def httpx2(self) -> httpx2.AsyncClient:
        """The client for OpenAI and Anthropic."""
        ...


class Response(Protocol):
    """What a response of either library can do."""

    async def aclose(self) -> None:
        """Close the response and, when it was not read to its end, its socket."""
        ...


_EVENT_STREAM = "text/event-stream"

_opened: ContextVar[list[Response] | None] = ContextVar("opened_responses", default=None)


def prepare(transports: Transports) -> None:
    """Make the shared clients fit for many tenants; safe to repeat.

    A shared client would send one tenant's cookies with another's calls, so no cookie is kept. And
    every response is bounded, and remembered for `closing_responses`, a streamed one read ahead
    until then.
    """
    for client in (transports.httpx, transports.httpx2):
        # Uncompressed, so that what is read is no longer than what was sent.
        client.headers["accept-encoding"] = "identity"
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        hooks = client.event_hooks["response"]
        if _take_in not in hooks:
            hooks.append(_take_in)


@asynccontextmanager
async def closing_responses() -> AsyncIterator[list[Response]]:
    """Close every response that was opened in the block, at the latest when it is left.

    Yields the list of them, which grows as they come.

    The vendors' streams are generators inside generators. When the outermost is left half-way, the
    inner ones, and with them the socket, would wait for the garbage collector.
    """
    opened: list[Response] = []
    token = _opened.set(opened)
    try:
        yield opened
    finally:
        _opened.reset(token)
        for response in opened:
            await response.aclose()


async def _take_in(response: httpx.Response | httpx2.Response) -> None:
    # What is compressed all the same is not unpacked: it is no answer to what was asked for.
    response.headers.pop("content-encoding", None)
    response.stream = BoundedBody(cast("Stream", response.stream))
    opened = _opened.get()
    if opened is None:
        return
    opened.append(response)
    if response.headers.get("content-type", "").startswith(_EVENT_STREAM):
        response.stream = JoinedBody(response.stream)
