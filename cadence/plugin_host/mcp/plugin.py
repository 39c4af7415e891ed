"""An MCP server as an orchestrator holds it: tools, called in a session that comes and goes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from cadence_sdk import CadenceException

from cadence.kernel.errors import CadenceError
from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.errors import PluginBroken, PluginToolUnknown
from cadence.plugin_host.mcp.errors import McpServerUnreachable
from cadence.plugin_host.mcp.offers import OfferedTool
from cadence.plugin_host.mcp.results import read_failure, read_result
from cadence.plugin_host.mcp.words import Words
from cadence.plugin_host.ports import Anchor

if TYPE_CHECKING:  # it imports the library
    from cadence.plugin_host.mcp.connection import McpConnection

Connect = Callable[[], Awaitable["McpConnection"]]


class McpToolFailed(CadenceException):
    """The tool failed, in the words of its server."""

    error_category = "mcp"


class McpPlugin:
    """An `OpenedPlugin`; connects again when the session is over."""

    def __init__(
        self,
        *,
        pid: str,
        version: str,
        system_prompt: str,
        tools: tuple[OfferedTool, ...],
        connection: "McpConnection",
        connect: Connect,
        words: Words,
    ) -> None:
        """Take a connection, which is closed with the plugin, and how to make another."""
        self.pid = pid
        self.version = version
        self.system_prompt = system_prompt
        self.is_scoped = False
        self.tools = tuple(each.tool for each in tools)
        self._names = {each.tool.name: each.raw_name for each in tools}
        self._connection = connection
        self._connect = connect
        self._words = words
        self._connecting = asyncio.Lock()
        self._is_closed = False

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        """Call a tool; agents read what clients are shown.

        Raises `PluginToolUnknown`, `McpToolFailed` with what the server says, and `ToolUnavailable`
        when it cannot be asked. The arguments are not checked: the server does that.
        """
        name = self._names.get(tool)
        if name is None:
            raise PluginToolUnknown
        try:
            result = await self._ask(name, arguments)
        except CadenceError as trouble:
            raise ToolUnavailable(trouble.message) from None
        if result.get("isError"):
            raise McpToolFailed(read_failure(result, self._words))
        value = read_result(result, self._words)
        return value, value

    async def anchor(self, resource_id: str) -> Anchor:
        """Raise `PluginBroken`: the protocol knows no records."""
        del resource_id
        raise PluginBroken("An MCP server does not work on one record.")

    async def close(self) -> None:
        """End the session; safe to call twice."""
        self._is_closed = True
        await self._connection.close()

    async def _ask(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        from cadence.plugin_host.mcp.connection import ServerSaid, SessionLost  # noqa: PLC0415  # it is imported by now, for the first connection

        try:
            try:
                return await (await self._connected()).call_tool(name, arguments)
            except SessionLost:
                # The server has forgotten us, so it has not done anything either.
                await self._connection.close()
                return await (await self._connected()).call_tool(name, arguments)
        except ServerSaid as said:
            raise McpToolFailed(str(said)) from None
        except SessionLost:
            raise McpServerUnreachable from None

    async def _connected(self) -> "McpConnection":
        async with self._connecting:
            self._require_open()
            if self._connection.is_over:
                self._connection = await self._connect()
            try:
                self._require_open()
            except McpServerUnreachable:  # closed while it was connecting
                await self._connection.close()
                raise
            return self._connection

    def _require_open(self) -> None:
        if self._is_closed:
            raise McpServerUnreachable
