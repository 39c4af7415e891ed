"""Uvicorn's HTTP connections, which an answer of ours can cut and which notice a dead network."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from starlette.types import Scope
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Where a request's scope holds what cuts its connection, beside the extensions that ASGI knows.
CUT = "cadence.cut"
# Where the application's state holds what is set when the server is asked to stop.
STOPPING = "cadence_stopping"
# Seconds for which what was sent may stay unacknowledged: a client whose network is gone would
# otherwise hold its connection for as long as the kernel tries, a quarter of an hour.
UNACKNOWLEDGED_SECONDS = 60


class CuttableConnection(HttpToolsProtocol):
    """One connection.

    Closing, all that ASGI offers, waits until the client has read what was written before; a client
    that reads nothing would keep its socket.
    """

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and give up on a silent network in time where the system can."""
        own = transport.get_extra_info("socket")
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if option is not None and own is not None and own.family != socket.AF_UNIX:
            own.setsockopt(socket.IPPROTO_TCP, option, UNACKNOWLEDGED_SECONDS * 1000)
        super().connection_made(cast("asyncio.Transport", transport))

    @override
    def on_message_begin(self) -> None:
        """Begin a request whose scope tells how to cut it off."""
        super().on_message_begin()
        scope = cast("Scope", self.scope)
        scope["extensions"] = {**scope.get("extensions", {}), CUT: self.transport.abort}

    @override
    def shutdown(self) -> None:
        """Say that the server stops, which ASGI tells the application only when nobody is left."""
        super().shutdown()
        stopping: asyncio.Event | None = self.app_state.get(STOPPING)
        if stopping is not None:
            stopping.set()


def find_cut(scope: Scope) -> Callable[[], None] | None:
    """Return what cuts the request's connection at once, or None under another server."""
    cut: Callable[[], None] | None = scope.get("extensions", {}).get(CUT)
    return cut
