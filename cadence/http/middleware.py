"""What wraps every request: an id, security headers, a bound on the body."""

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadence.http.rate_limit import rate_limit_headers
from cadence.http.request_rates import counted
from cadence.kernel.ids import new_ulid

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# What is bound to the log while a request is served, by whoever finds it out.
FOUND_OUT = ("organization_id", "instance_id")
UPLOAD_SUFFIXES = ("/plugins/upload", "/plugins/validate")


class RequestIdentity:
    """Gives each request an id, in the answer's `X-Request-Id`, in errors and in every log line.

    Whatever the answer is, an error or a stream too, it tells how the request's limits stand.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_ulid()
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.update(rate_limit_headers(counted(scope)))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            finally:
                structlog.contextvars.unbind_contextvars(*FOUND_OUT)


class BodyLimit:
    """Refuses a body that is larger than allowed, by its declared and by its real size in bytes."""

    def __init__(self, app: ASGIApp, *, body_bytes: int, upload_bytes: int) -> None:
        self._app = app
        self._body_bytes = body_bytes
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; reading too long a body raises a 413, which FastAPI lets through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bounded = _Bounded(Headers(scope=scope), receive, send, limit=self._limit(scope["path"]))
        await self._app(scope, bounded.receive, bounded.send)

    def _limit(self, path: str) -> int:
        return self._upload_bytes if path.endswith(UPLOAD_SUFFIXES) else self._body_bytes


class _Bounded:
    """One request's body, which is read no further than `limit` bytes."""

    def __init__(self, headers: Headers, receive: Receive, send: Send, *, limit: int) -> None:
        declared = headers.get("content-length", "0")
        self._is_too_long = not declared.isdecimal() or int(declared[:20]) > limit
        self._receive = receive
        self._send = send
        self._limit = limit
        self._seen = 0
        self._has_begun = False

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        self._has_begun = True
        await self._send(message)

    async def receive(self) -> Message:
        """Return the next part of the body; raises a 413.

        Once the answer has begun nobody reads the body any more: a stream only waits for the end
        of the connection.
        """
        if self._has_begun:
            return await self._receive()
        if self._is_too_long:
            raise HTTPException(413)
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise HTTPException(413)
        return message
