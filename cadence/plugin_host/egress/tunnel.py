"""Carries bytes between a plugin and a far end until one of them has had enough."""

import asyncio
from collections.abc import Callable

from cadence.infra.egress.streams import Streams
from cadence.kernel.own_task import own_task
from cadence.plugin_host.egress.limits import ProxyLimits
from cadence.plugin_host.egress.outcomes import Outcome

_PIECE = 65_536
# The first two bytes of every TLS connection: a handshake record, version 3.
_TLS = b"\x16\x03"


class Tunnel:
    """One connection each way; `sent` and `received` count bytes as the plugin sees them."""

    def __init__(
        self,
        plugin: Streams,
        far: Streams,
        *,
        limits: ProxyLimits,
        count: Callable[[int], bool],
        is_tls: bool,
    ) -> None:
        """`count` is told of every piece, and says whether more may be carried."""
        self._from_plugin, self._to_plugin = plugin
        self._from_far, self._to_far = far
        self._limits = limits
        self._count = count
        self._is_tls = is_tls
        self._cut: Outcome | None = None
        self._answered = 0
        self.sent = 0
        self.received = 0

    async def carry(self) -> Outcome:
        """Carry until either side hangs up or a limit is reached; then the far end is let go."""
        try:
            async with asyncio.timeout(self._limits.idle) as silence, own_task(self._up(silence)):
                await self._down(silence)
        except TimeoutError:
            self._cut = self._cut or Outcome.IDLE
        except OSError:
            self._cut = self._cut or Outcome.BROKEN
        finally:
            self._to_far.transport.abort()
        return self._cut or Outcome.CARRIED

    async def _up(self, silence: asyncio.Timeout) -> None:
        try:
            # TLS has no half of a connection, so a plugin that hangs up waits for nothing more.
            while piece := await self._from_plugin.read(_PIECE):
                if not self._may_send(piece):
                    break
                self._to_far.write(piece)
                await self._to_far.drain()
                self._hear(silence)
        except OSError:
            self._cut = self._cut or Outcome.BROKEN
        finally:
            # Either way `_down` reads the end; closing first sends what has not been sent.
            if self._cut is None:
                self._to_far.close()
            else:
                self._to_far.transport.abort()

    async def _down(self, silence: asyncio.Timeout) -> None:
        while piece := await self._from_far.read(_PIECE):
            if not self._may_answer(piece):
                return
            self._to_plugin.write(piece)
            await self._to_plugin.drain()
            self._hear(silence)

    def _may_send(self, piece: bytes) -> bool:
        if self._is_tls and self.sent == 0 and not _TLS.startswith(piece[: len(_TLS)]):
            # Where the operator lists a network, something else than a web server may listen there.
            self._cut = Outcome.NOT_TLS
            return False
        self._answered = 0
        self.sent += len(piece)
        return self._is_within_day(piece)

    def _may_answer(self, piece: bytes) -> bool:
        self.received += len(piece)
        self._answered += len(piece)
        if self._answered > self._limits.answer_bytes:
            self._cut = Outcome.ANSWER_TOO_LARGE
            return False
        return self._is_within_day(piece)

    def _is_within_day(self, piece: bytes) -> bool:
        if self._count(len(piece)):
            return True
        self._cut = Outcome.DAY_SPENT
        return False

    def _hear(self, silence: asyncio.Timeout) -> None:
        # A limit that has struck already cannot be moved.
        if not silence.expired():
            silence.reschedule(asyncio.get_running_loop().time() + self._limits.idle)
