"""The guard under httpx, which Google's SDK speaks; `over_httpx2` is the same under httpx2."""

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import cast

import anyio
import httpcore
import httpx
from httpcore._backends.anyio import AnyIOStream
from typing_extensions import override

from cadence.infra.egress.guard import Guard
from cadence.infra.egress.limits import EgressLimits
from cadence.infra.egress.pacing import PacedStream, ReadPace
from cadence.infra.egress.rules import EgressBlocked, Scheme

_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


class HttpxEgressBlocked(httpx.ConnectError, EgressBlocked):
    """`EgressBlocked` in httpx's clothes, so that SDKs report it like any failed connection."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections that the guard made; knows no proxy and no unix socket."""

    def __init__(
        self, guard: Guard, *, ssl_context: ssl.SSLContext, limits: EgressLimits, pace: ReadPace
    ) -> None:
        # A pool for each scheme, because below this point a connection does not know its own.
        self._pools = {
            str(scheme): httpcore.AsyncConnectionPool(
                ssl_context=ssl_context,
                max_connections=limits.connections,
                max_keepalive_connections=limits.idle_connections,
                keepalive_expiry=limits.idle_seconds,
                network_backend=GuardedBackend(guard, scheme, pace),
            )
            for scheme in Scheme
        }

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pool = self._pools.get(request.url.scheme)
        if pool is None:
            raise HttpxEgressBlocked("Only http and https pass.")
        with _in_terms_of_httpx():
            answer = await pool.handle_async_request(_lower(request))
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    async def close_idle(self) -> None:
        """Close what has been idle for too long, which a pool only does while it is used."""
        for pool in self._pools.values():
            # All that a pool does itself before and after each request; it has no word for it.
            expired = pool._assign_requests_to_connections()  # noqa: SLF001
            await pool._close_connections(expired)  # noqa: SLF001

    @override
    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


class ClosedTransport(httpx.BaseTransport):
    """Refuses every request: a blocking call would stop the whole process, and pass no guard."""

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise HttpxEgressBlocked("Blocking calls are not made here; use the asynchronous client.")


class LentClient(httpx.AsyncClient):
    """A client that many share; whoever borrows it cannot close it, as SDKs do by themselves."""

    @override
    async def aclose(self) -> None:
        """Stay open: `open_egress` closes what is underneath."""


def build_client(transport: httpx.AsyncBaseTransport, *, limits: EgressLimits) -> LentClient:
    """Return a client that sends through this transport, whatever the environment says."""
    return LentClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(
            connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool
        ),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def build_closed_client() -> httpx.Client:
    """Return a blocking client that refuses everything, for SDKs that insist on having one."""
    return httpx.Client(transport=ClosedTransport(), trust_env=False)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects for one scheme, asking the guard each time; for pools that others build."""

    def __init__(self, guard: Guard, scheme: Scheme, pace: ReadPace) -> None:
        self._guard = guard
        self._scheme = scheme
        self._pace = pace
        self._network = httpcore.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async def attempt(address: str, seconds: float | None) -> httpcore.AsyncNetworkStream:
            connected = await self._network.connect_tcp(
                address,
                port,
                timeout=seconds,
                local_address=local_address,
                socket_options=socket_options,
            )
            return self._paced(connected)

        try:
            return await self._guard.connect(
                host,
                port,
                scheme=self._scheme,
                within=timeout,
                attempt=attempt,
                failures=(httpcore.ConnectError, httpcore.ConnectTimeout),
            )
        except EgressBlocked:
            raise
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise EgressBlocked("Unix sockets may not be called.")

    @override
    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

    def _paced(self, connected: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
        # Below TLS, where one read brings all that has arrived; above it, each brings one record.
        if isinstance(connected, AnyIOStream):
            connected._stream = PacedStream(connected._stream, self._pace)  # noqa: SLF001  # no other way in
        return connected


class _Body(httpx.AsyncByteStream):
    """The answer's body as it arrives."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _in_terms_of_httpx():
            async for part in cast(AsyncIterable[bytes], self._answer.stream):
                yield part

    @override
    async def aclose(self) -> None:
        await self._answer.aclose()


def _lower(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=cast(httpx.AsyncByteStream, request.stream),
        extensions=request.extensions,
    )


@contextmanager
def _in_terms_of_httpx() -> Iterator[None]:
    """Raise what fails below as httpx's own errors, which carry the same names."""
    try:
        yield
    except EgressBlocked as error:
        raise HttpxEgressBlocked(str(error)) from error
    except _FAILURES as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error)) from error
    except (OSError, anyio.EndOfStream) as error:  # a broken TLS stream is not translated below
        raise httpx.ReadError(str(error)) from error
