"""What stands between the `mcp` library and a server: every answer bounded, every failure named.

The library keeps whatever a server sends, follows redirects, waits for a stream of the server's own
and gives up a whole session when one connection fails. So a failure is answered in the server's
place, with an error of ours that the library hands to the one who asked and to nobody else.
"""

import asyncio
from asyncio import TaskGroup
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, cast

import httpx2
import orjson
from typing_extensions import override

from cadence.plugin_host.mcp.endpoint import McpLimits

_JSON = "application/json"
_EVENTS = "text/event-stream"
_SESSION = "mcp-session-id"
_FAILED = 400
_REDIRECTS = range(300, 400)
_CANCELLED = "notifications/cancelled"
# What a server may ask of us in one session. Each is refused, and a refusal is a request of ours.
_MOST_REFUSALS = 100
# Cancellations that are on their way; a server that takes none costs no more than these.
_MOST_ON_THEIR_WAY = 8
# Seconds for what nobody waits for: a cancellation, or the end of a session.
_ASIDE_SECONDS = 5.0


class Trouble(IntEnum):
    """Why a request has no answer of the server's, as a JSON-RPC code that is ours alone."""

    UNREACHABLE = -39_001
    REFUSED = -39_002
    REDIRECTED = -39_003
    TOO_LARGE = -39_004
    ENCODED = -39_005
    NO_ANSWER = -39_006
    SESSION_LOST = -39_007


class _TooLarge(Exception):
    """The answer is longer than it may be."""


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """What the library sends: requests have an id and a method, refusals of ours only an id."""

    id: object
    method: str | None
    cancels: object

    @property
    def is_refusal(self) -> bool:
        return self.method is None


class _Deadline:
    """When an answer must be over, which a cancellation moves to now."""

    def __init__(self, seconds: float) -> None:
        self._at = asyncio.get_running_loop().time() + seconds
        self._running: asyncio.Timeout | None = None

    def begin(self) -> asyncio.Timeout:
        """Return the context in which to wait for the next part."""
        self._running = asyncio.timeout_at(self._at)
        return self._running

    def expire(self) -> None:
        """End the wait, and every further one."""
        self._at = asyncio.get_running_loop().time()
        if self._running is not None:
            with suppress(RuntimeError):  # it is over already
                self._running.reschedule(self._at)


class Door(httpx2.AsyncBaseTransport):
    """Sends to one server for one session; `tasks` own what nobody waits for."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        *,
        tasks: TaskGroup,
        limits: McpLimits,
        answer_within: float,
    ) -> None:
        """Wrap the guarded transport, which is closed along; `answer_within` is in seconds."""
        self._inner = inner
        self._tasks = tasks
        self._limits = limits
        self._within = answer_within
        self._deadlines: dict[object, _Deadline] = {}
        self._refusals = 0
        self._on_their_way = 0

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        match request.method:
            case "POST":
                return await self._post(request)
            case "DELETE":
                await self._send_aside(request)
                return httpx2.Response(204)
            case _:
                # A stream for whatever comes to the server's mind: we would hold it open for ever.
                return httpx2.Response(405)

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _post(self, request: httpx2.Request) -> httpx2.Response:
        outgoing = _read(request.content)
        if outgoing.is_refusal:
            self._refusals += 1
            if self._refusals > _MOST_REFUSALS:
                return httpx2.Response(202)
        if outgoing.method == _CANCELLED:
            self._cancel(request, outgoing)
            return httpx2.Response(202)
        deadline = self._deadlines[outgoing.id] = _Deadline(self._within)
        forget = partial(self._deadlines.pop, outgoing.id, None)
        is_streaming = False
        try:
            answer = await self._answer(request, deadline, forget)
            is_streaming = isinstance(answer.stream, _Events)
            return answer
        finally:
            if not is_streaming:
                forget()

    async def _answer(
        self, request: httpx2.Request, deadline: _Deadline, forget: Callable[[], object]
    ) -> httpx2.Response:
        try:
            async with deadline.begin():
                answer = await self._inner.handle_async_request(request)
        except (TimeoutError, OSError, httpx2.HTTPError):
            return _failure(Trouble.UNREACHABLE)
        trouble = _trouble_with(answer, request)
        if trouble is None and _type_of(answer) == _EVENTS:
            most = self._limits.answer_bytes
            body = _Events(answer, most=most, deadline=deadline, forget=forget)
            return httpx2.Response(answer.status_code, headers=_kept(answer), stream=body)
        return await self._whole(answer, deadline, trouble)

    async def _whole(
        self, answer: httpx2.Response, deadline: _Deadline, trouble: Trouble | None
    ) -> httpx2.Response:
        try:
            async with deadline.begin():
                if trouble is not None:
                    return _failure(trouble)
                content = await _read_all(answer, most=self._limits.answer_bytes)
        except _TooLarge:
            return _failure(Trouble.TOO_LARGE)
        except (TimeoutError, OSError, httpx2.HTTPError):
            return _failure(Trouble.UNREACHABLE)
        finally:
            await answer.aclose()
        if content and (_type_of(answer) != _JSON or not _answers(content, answer.status_code)):
            return _failure(Trouble.NO_ANSWER)
        return httpx2.Response(answer.status_code, headers=_kept(answer), content=content)

    def _cancel(self, request: httpx2.Request, outgoing: _Outgoing) -> None:
        # Sent beside: the library sends one after the other, and the next call waits for this one.
        deadline = self._deadlines.pop(outgoing.cancels, None)
        if deadline is not None:
            deadline.expire()
        if self._on_their_way < _MOST_ON_THEIR_WAY:
            self._on_their_way += 1
            self._tasks.create_task(self._cancel_aside(request))

    async def _cancel_aside(self, request: httpx2.Request) -> None:
        try:
            await self._send_aside(request)
        finally:
            self._on_their_way -= 1

    async def _send_aside(self, request: httpx2.Request) -> None:
        with suppress(TimeoutError, OSError, httpx2.HTTPError):
            async with asyncio.timeout(_ASIDE_SECONDS):
                answer = await self._inner.handle_async_request(request)
                await answer.aclose()


class _Events(httpx2.AsyncByteStream):
    """An answer that comes as events, cut when it is too long or takes too long."""

    def __init__(
        self,
        answer: httpx2.Response,
        *,
        most: int,
        deadline: _Deadline,
        forget: Callable[[], object],
    ) -> None:
        self._answer = answer
        self._left = most
        self._deadline = deadline
        self._forget = forget

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = aiter(_parts(self._answer))
        while True:
            try:
                async with self._deadline.begin():
                    part = await anext(parts)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise httpx2.ReadTimeout("the answer takes too long") from error
            self._left -= len(part)
            if self._left < 0:
                raise httpx2.ReadError("the answer is too long")
            yield part

    @override
    async def aclose(self) -> None:
        self._forget()
        await self._answer.aclose()


def _read(content: bytes) -> _Outgoing:
    message: dict[str, Any] = orjson.loads(content)
    params = message.get("params") or {}
    return _Outgoing(
        id=message.get("id"), method=message.get("method"), cancels=params.get("requestId")
    )


def _trouble_with(answer: httpx2.Response, request: httpx2.Request) -> Trouble | None:
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        return Trouble.ENCODED  # what is small on the wire may be endless once it is unpacked
    match answer.status_code:
        case 401 | 403 | 407:
            return Trouble.REFUSED
        case 404 if _SESSION in request.headers:
            return Trouble.SESSION_LOST
        case status if status >= _FAILED and _type_of(answer) != _JSON:
            return Trouble.NO_ANSWER
        case status if status in _REDIRECTS:
            return Trouble.REDIRECTED
        case _:
            return None


async def _read_all(answer: httpx2.Response, *, most: int) -> bytes:
    content = bytearray()
    async for part in _parts(answer):
        content += part
        if len(content) > most:
            raise _TooLarge
    return bytes(content)


def _answers(content: bytes, status: int) -> bool:
    """Tell whether a body may answer a request; a failed one, in the protocol's own terms."""
    if status < _FAILED:
        return True
    try:
        message = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and "error" in message


def _parts(answer: httpx2.Response) -> AsyncIterable[bytes]:
    return cast("AsyncIterable[bytes]", answer.stream)


def _type_of(answer: httpx2.Response) -> str:
    kind: str = answer.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()


def _kept(answer: httpx2.Response) -> dict[str, str]:
    names = ("content-type", _SESSION)
    return {name: answer.headers[name] for name in names if name in answer.headers}


def _failure(trouble: Trouble) -> httpx2.Response:
    error = {"code": trouble.value, "message": trouble.name.lower()}
    content = orjson.dumps({"jsonrpc": "2.0", "id": None, "error": error})
    return httpx2.Response(502, headers={"content-type": _JSON}, content=content)
