"""The way out of one plugin host: a proxy that knows whose it is."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from cadence.kernel.own_task import end
from cadence.plugin_host.egress.connection import FarEnds, Permission, ProxyConnection, Told
from cadence.plugin_host.egress.limits import ProxyLimits
from cadence.plugin_host.egress.outcomes import Outcome
from cadence.plugin_host.egress.requests import USER

# Both spellings, because HTTP libraries do not agree on one.
_VARIABLES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
_CERTIFICATES = "SSL_CERT_FILE"
# Of what a plugin wrote where a host's name belongs; no name is longer.
_LONGEST_HOST = 253

_log = structlog.get_logger(__name__)


class EgressProxy:
    """Listens from when it is made until it is closed.

    Any process that reaches the port could speak to it, so it asks for the password that only its
    own host has in its environment.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        permission: Permission,
        far_ends: FarEnds,
        limits: ProxyLimits,
        names: Mapping[str, str],
        certificates: Path | None,
        count_outcome: Callable[[Outcome], None],
    ) -> None:
        """`names` stand in every line of the log."""
        self._listener = listener
        self._listener.setblocking(False)  # noqa: FBT003  # no keyword is taken
        self._permission = permission
        self._far_ends = far_ends
        self._limits = limits
        self._names = names
        self._certificates = certificates
        self._count_outcome = count_outcome
        self._open = 0
        # It belongs to whoever opened the proxy: closing it ends the task and all that it began.
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 on which the host finds it."""
        return int(self._listener.getsockname()[1])

    @property
    def environment(self) -> dict[str, str]:
        """What the host needs in its environment; it holds the password."""
        address = f"http://{USER}:{self._permission.password}@127.0.0.1:{self.port}"
        trusted = {} if self._certificates is None else {_CERTIFICATES: str(self._certificates)}
        return dict.fromkeys(_VARIABLES, address) | trusted

    @property
    def readable(self) -> tuple[Path, ...]:
        """What the host must be able to read to use it."""
        return () if self._certificates is None else (self._certificates,)

    async def close(self) -> None:
        """Hang up on everybody and listen no more; safe to call twice."""
        try:
            await end(self._accepting)
        finally:
            self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as serving:
            while True:
                try:
                    client, _ = await loop.sock_accept(self._listener)
                    connection = await self._begin(client)
                except OSError as error:  # no descriptor is left, or the plugin is gone again
                    _log.warning(
                        "plugin_egress_not_accepted", error=type(error).__name__, **self._names
                    )
                    await asyncio.sleep(self._limits.pause)
                    continue
                if self._open < self._limits.connections:
                    self._open += 1
                    serving.create_task(self._serve(connection))
                else:
                    # Here and now: a plugin that knocks without end waits for itself.
                    await connection.refuse(Outcome.TOO_MANY)
                    self._tell(connection.told)

    async def _begin(self, client: socket.socket) -> ProxyConnection:
        plugin = await asyncio.open_connection(sock=client, limit=self._limits.header_bytes)
        return ProxyConnection(
            plugin, permission=self._permission, far_ends=self._far_ends, limits=self._limits
        )

    async def _serve(self, connection: ProxyConnection) -> None:
        try:
            await connection.serve()
        except Exception:  # noqa: BLE001  # a fault of ours in one request must not end the others
            _log.exception("plugin_egress_failed", **self._names)
        finally:
            self._open -= 1
            self._tell(connection.told)

    def _tell(self, told: Told) -> None:
        self._count_outcome(told.outcome)
        _log.info(
            "plugin_egress",
            outcome=told.outcome.value,
            host=told.host[:_LONGEST_HOST],
            port=told.port,
            sent=told.sent,
            received=told.received,
            **self._names,
        )
