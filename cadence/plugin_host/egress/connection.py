"""One connection of a plugin to its proxy, from its header to its end."""

import asyncio
import hmac
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from cadence.infra.egress.rules import EgressBlocked, Scheme
from cadence.infra.egress.streams import Streams
from cadence.plugin_host.egress.limits import ProxyLimits
from cadence.plugin_host.egress.outcomes import Outcome, Refused
from cadence.plugin_host.egress.requests import ProxyRequest, read_request
from cadence.plugin_host.egress.tunnel import Tunnel

_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

# Linger for 0 seconds: what closes the connection resets it.
_AT_ONCE = struct.pack("ii", 1, 0)


class FarEnds(Protocol):
    """Where the proxy gets its connections to the outside; they lead to checked addresses only."""

    async def open(self, host: str, port: int, *, scheme: Scheme, within: float) -> Streams:
        """Connect; raises `EgressBlocked`, `TimeoutError` or `OSError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What one host may do: with this password, to these hosts, for so many bytes.

    `count` is told of every piece that is carried, and of 0 to ask; it says whether more may be.
    """

    password: str = field(repr=False)
    hosts: frozenset[str]
    count: Callable[[int], bool]


@dataclass(slots=True)
class Told:
    """What is known of one request when it is over."""

    outcome: Outcome = Outcome.BROKEN
    host: str = ""
    port: int = 0
    sent: int = 0
    received: int = 0


class ProxyConnection:
    """Reads one request, decides, and carries; `told` says what has happened so far."""

    def __init__(
        self, plugin: Streams, *, permission: Permission, far_ends: FarEnds, limits: ProxyLimits
    ) -> None:
        self._plugin = plugin
        self._reader, self._writer = plugin
        self._permission = permission
        self._far_ends = far_ends
        self._limits = limits
        self.told = Told()

    async def serve(self) -> None:
        """Serve until the end and close the plugin's side."""
        try:
            await self._carry(await self._read())
        except Refused as refused:
            self.told.outcome = refused.outcome
            await self._refuse(refused)
        except EOFError:
            self.told.outcome = Outcome.BROKEN
        finally:
            await self._hang_up()

    async def refuse(self, outcome: Outcome) -> None:
        """Refuse whatever is asked and close the plugin's side."""
        self.told.outcome = outcome
        try:
            await self._refuse(Refused(outcome))
        finally:
            await self._hang_up()

    async def _read(self) -> ProxyRequest:
        try:
            async with asyncio.timeout(self._limits.idle):
                head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise Refused(Outcome.TOO_LONG) from None
        except OSError as error:
            raise EOFError from error
        request = read_request(head)
        self.told.host, self.told.port = request.host, request.port
        self._require_permission(request)
        return request

    def _require_permission(self, request: ProxyRequest) -> None:
        given = (request.password or "").encode()
        if not hmac.compare_digest(given, self._permission.password.encode()):
            raise Refused(Outcome.UNAUTHENTICATED)
        if request.host not in self._permission.hosts:
            raise Refused(Outcome.NOT_APPROVED)
        if not self._permission.count(0):
            raise Refused(Outcome.DAY_SPENT)

    async def _carry(self, request: ProxyRequest) -> None:
        far = await self._open(request)
        is_tunnel = request.scheme is Scheme.HTTPS
        tunnel = Tunnel(
            self._plugin,
            far,
            limits=self._limits,
            count=self._permission.count,
            is_tls=is_tunnel,
        )
        self._permission.count(len(request.onward))
        (self._writer if is_tunnel else far[1]).write(_ESTABLISHED if is_tunnel else request.onward)
        try:
            self.told.outcome = await tunnel.carry()
        finally:
            self.told.sent = tunnel.sent + len(request.onward)
            self.told.received = tunnel.received
        if self.told.outcome is not Outcome.CARRIED:
            self._reset()

    async def _open(self, request: ProxyRequest) -> Streams:
        try:
            return await self._far_ends.open(
                request.host, request.port, scheme=request.scheme, within=self._limits.connect
            )
        except EgressBlocked:
            raise Refused(Outcome.BLOCKED) from None
        except TimeoutError:
            raise Refused(Outcome.TIMED_OUT) from None
        except OSError:
            raise Refused(Outcome.UNREACHABLE) from None

    async def _refuse(self, refused: Refused) -> None:
        # Whoever does not stay to hear it is refused all the same.
        with suppress(OSError):
            self._writer.write(refused.answer())
            self._writer.write_eof()
            await asyncio.sleep(self._limits.pause)
            # Hanging up on what has not been read would take the answer back.
            async with asyncio.timeout(self._limits.farewell):
                while await self._reader.read(self._limits.header_bytes):
                    pass

    async def _hang_up(self) -> None:
        if self.told.outcome is Outcome.CARRIED:
            self._writer.close()
            with suppress(OSError):
                async with asyncio.timeout(self._limits.farewell):
                    await self._writer.wait_closed()
        # A plugin that reads no more keeps nothing open.
        self._writer.transport.abort()

    def _reset(self) -> None:
        # So that half an answer does not pass for a whole one, the end is said to be no good end.
        plugin = self._writer.get_extra_info("socket")
        plugin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
