"""Counts requests, measures them, and knows how many are open."""

import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadence.http.errors import STATUS
from cadence.http.route_templates import UNKNOWN, find_template
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.errors import Kind

# A method is free text to a client; these are the ones that have series of their own.
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
EVENT_STREAM = "text/event-stream"


class RequestFigures:
    """Counts every request once, when its answer begins, or as a 500 when none does."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        measured = _Measured(scope, self._metrics)

        async def send_measuring(message: Message) -> None:
            if message["type"] == "http.response.start":
                measured.begin(message)
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                # Before it leaves: who has read an answer to its end no longer finds it counted.
                measured.end()
            await send(message)

        try:
            await self._app(scope, receive, send_measuring)
        except Exception:
            measured.fail()
            raise
        finally:
            measured.end()


class _Measured:
    """One request, from its first line to the end of its answer."""

    def __init__(self, scope: Scope, metrics: Metrics) -> None:
        self._scope = scope
        self._metrics = metrics
        self._began = time.perf_counter()
        self._is_counted = False
        self._is_stream = False
        self._is_open = True
        metrics.requests_in_flight.inc()

    def begin(self, message: Message) -> None:
        """Note the answer's first line."""
        self._count(int(message["status"]))
        kind = Headers(raw=message["headers"]).get("content-type", "")
        if kind.startswith(EVENT_STREAM):
            self._is_stream = True
            self._metrics.event_streams.inc()

    def fail(self) -> None:
        """Note that something broke, unless the answer had begun."""
        if not self._is_counted:
            self._count(STATUS[Kind.INTERNAL])

    def end(self) -> None:
        """Note that nothing more comes; may be told twice."""
        if not self._is_open:
            return
        self._is_open = False
        self._metrics.requests_in_flight.dec()
        if self._is_stream:
            self._metrics.event_streams.dec()

    def _count(self, status: int) -> None:
        self._is_counted = True
        # The route is known by now: it is chosen before anything is answered.
        route = find_template(self._scope) or UNKNOWN
        method = self._scope["method"] if self._scope["method"] in METHODS else UNKNOWN
        self._metrics.requests.labels(method, route, str(status)).inc()
        if status == STATUS[Kind.TOO_MANY]:
            self._metrics.requests_limited.inc()
        elapsed = time.perf_counter() - self._began
        self._metrics.request_seconds.labels(method, route).observe(elapsed)
