"""One session with an MCP server, over the `mcp` library, which is imported with this module only.

The library's transport lives in a task of its own: whatever breaks it ends that task, and those who
wait for an answer hear that the connection is closed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import httpx2
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    PARSE_ERROR,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    PaginatedRequestParams,
)

from cadence import __version__
from cadence.infra.egress.wrapping import build_client
from cadence.kernel.errors import CadenceError
from cadence.kernel.own_task import end
from cadence.plugin_host.mcp.door import Door, Trouble
from cadence.plugin_host.mcp.endpoint import McpEndpoint, McpLimits
from cadence.plugin_host.mcp.errors import (
    McpServerRefused,
    McpServerUnreachable,
    McpServerUnusable,
)
from cadence.plugin_host.mcp.words import Words

_LONGEST_ERROR = 300
# Seconds for a session to be taken leave of.
_CLOSE_WITHIN: Final = 2.0

Answer = TypeVar("Answer")


class SessionLost(Exception):
    """The server does not know the session any more; a new one may well serve."""


class ServerSaid(Exception):
    """The server answered with an error; the text is its own, made fit to be shown."""


class McpConnection:
    """Connects once; when it is over, a new one has to be made."""

    def __init__(
        self,
        endpoint: McpEndpoint,
        *,
        transport: httpx2.AsyncBaseTransport,
        limits: McpLimits,
        words: Words,
    ) -> None:
        """Take a guarded transport, which is closed with the connection."""
        self._endpoint = endpoint
        self._transport = transport
        self._limits = limits
        self._words = words
        self._session: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self._in_use = 0
        self._used_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self.instructions = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._closing.is_set() or (self._task is not None and self._task.done())

    async def open(self) -> None:
        """Connect and agree on how to speak.

        Raises `McpServerUnreachable`, `McpServerRefused` or `McpServerUnusable`.
        """
        # It belongs to this connection: `close` ends it.
        self._task = asyncio.get_running_loop().create_task(self._live())
        try:
            first: list[asyncio.Future[Any]] = [self._task, self._session]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            _result_of(self._session)
        except (ServerSaid, SessionLost) as error:
            await self.close()
            raise _as_unusable(error) from None
        except BaseException:
            await self.close()
            raise

    async def list_tools(self) -> list[Mapping[str, Any]]:
        """Return all that the server lists; raises as `open` does."""
        try:
            return await self._list_tools()
        except (ServerSaid, SessionLost) as error:
            raise _as_unusable(error) from None

    async def _list_tools(self) -> list[Mapping[str, Any]]:
        listed: list[Mapping[str, Any]] = []
        cursor: str | None = None
        for _ in range(self._limits.pages):
            params = PaginatedRequestParams(cursor=cursor) if cursor is not None else None
            page = await self._ask(partial(ClientSession.list_tools, params=params))
            listed += (tool.model_dump(by_alias=True, mode="json") for tool in page.tools)
            cursor = page.next_cursor
            if cursor is None:
                return listed
            if len(listed) > self._limits.listed_tools:
                break
        raise McpServerUnusable(f"it lists more than {self._limits.listed_tools} tools.")

    async def call_tool(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a tool and return the result as the protocol has it.

        When the caller is cancelled, the server is told. Raises as `open` does, `ServerSaid` and
        `SessionLost`.
        """
        params = CallToolRequestParams(name=name, arguments=dict(arguments))
        # Not `call_tool`, which checks the result against the server's own schema, at the server's
        # own pace.
        result = await self._ask(
            lambda session: session.send_request(CallToolRequest(params=params), CallToolResult)
        )
        return result.model_dump(by_alias=True, mode="json", exclude_none=True)

    async def close(self) -> None:
        """Take leave of the server and end the session; safe to call twice."""
        self._closing.set()
        if self._task is None:
            await self._transport.aclose()
            return
        if self._session.done():
            await asyncio.wait({self._task}, timeout=_CLOSE_WITHIN)
        await end(self._task)
        if self._session.done():
            self._session.exception()  # nobody may be left to look at it

    async def _ask(self, question: Callable[[ClientSession], Awaitable[Answer]]) -> Answer:
        session = await self._session
        self._in_use += 1
        try:
            return await question(session)
        except Exception as error:  # noqa: BLE001  # a library fed by a stranger raises anything
            raise self._meaning(error) from None
        finally:
            self._in_use -= 1
            self._used_at = asyncio.get_running_loop().time()

    async def _live(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._speak(tasks)
        except Exception as error:  # noqa: BLE001  # as in `_ask`
            if not self._session.done():
                self._session.set_exception(self._meaning(error))
        finally:
            self._closing.set()

    async def _speak(self, tasks: asyncio.TaskGroup) -> None:
        limits = self._limits
        within = max(self._endpoint.call_timeout, limits.open_within) + limits.grace
        door = Door(self._transport, tasks=tasks, limits=limits, answer_within=within)
        async with (
            build_client(door, headers=self._endpoint.headers, within=within) as client,
            streamable_http_client(
                self._endpoint.url, http_client=client, max_sse_event_size=limits.answer_bytes
            ) as (read, write),
            ClientSession(read, write, client_info=_US) as session,
        ):
            await self._agree(session)
            if not self._session.done():
                self._session.set_result(session)
            await self._until_idle()

    async def _agree(self, session: ClientSession) -> None:
        try:
            await session.initialize()
        except MCPError as error:
            if _trouble_of(error) is not None:
                raise
            # It may be one of those that know sessions no more, and are only asked who they are.
            try:
                await session.discover()
            except MCPError:
                raise error from None
        self.instructions = session.instructions or ""

    async def _until_idle(self) -> None:
        clock = asyncio.get_running_loop().time
        self._used_at = clock()
        while not self._closing.is_set():
            unused = 0.0 if self._in_use else clock() - self._used_at
            if unused >= self._limits.idle:
                self._closing.set()  # while leave is taken, nobody may begin to ask
                return
            await _wait(self._closing, within=self._limits.idle - unused)

    def _meaning(self, error: Exception) -> Exception:
        match error:
            case CadenceError():
                return error
            case MCPError():
                trouble = _trouble_of(error)
                if trouble is not None:
                    return _ERRORS[trouble]()
                return ServerSaid(self._words.line(error.message, _LONGEST_ERROR))
            case ExceptionGroup(exceptions=[Exception() as first, *_]):
                return self._meaning(first)
            case httpx2.HTTPError() | OSError():
                return McpServerUnreachable()
            case _:
                return McpServerUnusable("its answers are not what the protocol asks for.")


_US = Implementation(name="cadence", version=__version__)


def _trouble_of(error: MCPError) -> Trouble | None:
    """Return what the door found, or what the library itself has said in the server's place."""
    if error.code in set(Trouble):
        return Trouble(error.code)
    # A server may use the same codes for errors of its own, but hardly in the same words.
    for code, words, trouble in _OF_THE_LIBRARY:
        if error.code == code and error.message.startswith(words):
            return trouble
    return None


_OF_THE_LIBRARY = (
    (CONNECTION_CLOSED, ("Connection closed", "SSE stream "), Trouble.UNREACHABLE),
    (PARSE_ERROR, "Failed to parse ", Trouble.NO_ANSWER),
)


def _unusable(reason: str) -> Callable[[], Exception]:
    return partial(McpServerUnusable, reason)


_ERRORS: Mapping[Trouble, Callable[[], Exception]] = {
    Trouble.UNREACHABLE: McpServerUnreachable,
    Trouble.REFUSED: McpServerRefused,
    Trouble.REDIRECTED: _unusable("it answers with a redirect; give the address it leads to."),
    Trouble.TOO_LARGE: _unusable("one of its answers is too long."),
    Trouble.ENCODED: _unusable("it compresses its answers although it is asked not to."),
    Trouble.NO_ANSWER: _unusable("there is no MCP server over streamable HTTP at this url."),
    Trouble.SESSION_LOST: SessionLost,
}


def _as_unusable(error: ServerSaid | SessionLost) -> CadenceError:
    if isinstance(error, SessionLost):
        return McpServerUnreachable()
    return McpServerUnusable(f"it says: {error}")


def _result_of(session: asyncio.Future[ClientSession]) -> ClientSession:
    if not session.done():  # its task has ended without a word
        raise McpServerUnreachable
    return session.result()


async def _wait(event: asyncio.Event, *, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return
