"""Opens the HTTP clients through which everything outside is called."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from httpcore2 import default_ssl_context
from httpx import AsyncBaseTransport as HttpxTransport
from httpx import AsyncClient as HttpxAsyncClient
from httpx import Client as HttpxClient
from httpx2 import AsyncBaseTransport as Httpx2Transport
from httpx2 import AsyncClient as Httpx2AsyncClient
from httpx2 import Client as Httpx2Client

from cadence.infra.egress import over_httpx, over_httpx2
from cadence.infra.egress.guard import Guard, Resolver, build_resolver
from cadence.infra.egress.limits import EgressLimits
from cadence.infra.egress.pacing import ReadPace
from cadence.infra.egress.rules import EgressRules
from cadence.infra.egress.streams import GuardedStreams
from cadence.kernel.own_task import own_task

_RESOLVER_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The guarded clients, shared by everybody, and what an SDK may need besides.

    All raise `EgressBlocked` (dressed as their library's `ConnectError`) for a forbidden target,
    keep no cookies, follow no redirects and ignore the environment. The `blocking_…` clients refuse
    every request; hand them to an SDK that would otherwise make an unguarded one of its own.
    """

    httpx: HttpxAsyncClient
    httpx2: Httpx2AsyncClient
    blocking_httpx: HttpxClient
    blocking_httpx2: Httpx2Client
    ssl_context: ssl.SSLContext
    _guard: Guard = field(repr=False)
    _limits: EgressLimits = field(repr=False)
    _pace: ReadPace = field(repr=False)

    def build_httpx_transport(self) -> HttpxTransport:
        """Return a guarded transport for a client of one's own, whose closing closes it."""
        return over_httpx.GuardedTransport(
            self._guard, ssl_context=self.ssl_context, limits=self._limits, pace=self._pace
        )

    def build_httpx2_transport(self) -> Httpx2Transport:
        """Return a guarded transport for a client of one's own, whose closing closes it."""
        return over_httpx2.GuardedTransport(
            self._guard, ssl_context=self.ssl_context, limits=self._limits, pace=self._pace
        )

    def build_streams(self) -> GuardedStreams:
        """Return what opens connections for those who carry other people's bytes."""
        return GuardedStreams(self._guard)


@asynccontextmanager
async def open_egress(
    rules: EgressRules,
    *,
    resolver: Resolver | None = None,
    limits: EgressLimits | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[Egress]:
    """Open the clients; on leaving, every connection is closed.

    By default names are resolved by the system and certificates checked against its authorities
    (or `SSL_CERT_FILE`).
    """
    limits = limits or EgressLimits()
    ssl_context = ssl_context or default_ssl_context()
    async with AsyncExitStack() as stack:
        if resolver is None:
            threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="egress-names")
            stack.callback(threads.shutdown, wait=False, cancel_futures=True)
            resolver = build_resolver(threads)
        guard = Guard(rules, resolver=resolver)
        pace = ReadPace()
        lower = over_httpx.GuardedTransport(
            guard, ssl_context=ssl_context, limits=limits, pace=pace
        )
        stack.push_async_callback(lower.aclose)
        lower2 = over_httpx2.GuardedTransport(
            guard, ssl_context=ssl_context, limits=limits, pace=pace
        )
        stack.push_async_callback(lower2.aclose)
        await stack.enter_async_context(_closing_idle(limits, lower.close_idle, lower2.close_idle))
        yield Egress(
            httpx=over_httpx.build_client(lower, limits=limits),
            httpx2=over_httpx2.build_client(lower2, limits=limits),
            blocking_httpx=over_httpx.build_closed_client(),
            blocking_httpx2=over_httpx2.build_closed_client(),
            ssl_context=ssl_context,
            _guard=guard,
            _limits=limits,
            _pace=pace,
        )


@asynccontextmanager
async def _closing_idle(
    limits: EgressLimits, *transports: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    async def close_for_ever() -> None:
        while True:
            await asyncio.sleep(limits.idle_seconds / 2)
            for close_idle in transports:
                await close_idle()

    async with own_task(close_for_ever()):
        yield
