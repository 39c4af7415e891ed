"""One line of the log for each request, when its answer is over."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadence.http.measuring import METHODS
from cadence.http.route_templates import UNKNOWN, find_template

log = structlog.get_logger(__name__)

# Asked every few seconds by machines, and of no interest to anybody.
UNTOLD = frozenset({"/health", "/ready", "/metrics"})


class RequestLog:
    """Tells of every request what it was answered, and for how long; never what it asked.

    It stands inside of `RequestIdentity`, whose context is on the line: the request's id, and what
    the guards have found out, such as the organization. Paths and queries hold what clients make
    up, so the line has the route's template.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            _tell(scope, status, duration_ms=round((time.perf_counter() - began) * 1000, 1))


def _tell(scope: Scope, status: int, *, duration_ms: float) -> None:
    route = find_template(scope) or UNKNOWN
    if route in UNTOLD:
        return
    method = scope["method"] if scope["method"] in METHODS else UNKNOWN
    found = {"method": method, "route": route, "duration_ms": duration_ms}
    if status:
        log.info("request_answered", status=status, **found)
    else:
        # The client has left, or something broke before the answer's first line.
        log.info("request_not_answered", **found)
