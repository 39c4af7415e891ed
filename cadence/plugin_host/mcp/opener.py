"""Opens MCP servers: as plugins for orchestrators, and once to see what they offer."""

import asyncio
import importlib
from typing import TYPE_CHECKING

from cadence.infra.egress.clients import Egress
from cadence.plugin_host.mcp.endpoint import McpEndpoint, McpLimits, McpToOpen
from cadence.plugin_host.mcp.errors import McpServerUnreachable, McpServerUnusable
from cadence.plugin_host.mcp.offers import Offer, read_offer
from cadence.plugin_host.mcp.plugin import McpPlugin
from cadence.plugin_host.mcp.words import Words

if TYPE_CHECKING:
    from cadence.plugin_host.mcp.connection import McpConnection

_LONGEST_INSTRUCTIONS = 4000


class McpServers:
    """Connects to MCP servers through the guard; holds nothing open by itself."""

    def __init__(self, egress: Egress, *, limits: McpLimits | None = None) -> None:
        self._egress = egress
        self._limits = limits or McpLimits()

    async def look(self, endpoint: McpEndpoint) -> Offer:
        """Connect, read what the server offers, and leave.

        Raises `McpServerUnreachable`, `McpServerRefused` or `McpServerUnusable`.
        """
        words = _words_for(endpoint)
        connection, offer = await self._meet(endpoint, words)
        await connection.close()
        return offer

    async def open(self, plugin: McpToOpen) -> McpPlugin:
        """Connect and return the server's tools as a plugin, which the caller closes.

        Raises as `look` does.
        """
        endpoint = plugin.endpoint
        words = _words_for(endpoint)
        connection, offer = await self._meet(endpoint, words)
        try:
            tools = offer.only(endpoint.allowed_tools, most=self._limits.offered_tools)
        except McpServerUnusable:
            await connection.close()
            raise
        return McpPlugin(
            pid=plugin.pid,
            version=plugin.version,
            system_prompt=offer.instructions or plugin.description,
            tools=tools,
            connection=connection,
            connect=lambda: self._connect(endpoint, words),
            words=words,
        )

    async def _meet(self, endpoint: McpEndpoint, words: Words) -> "tuple[McpConnection, Offer]":
        try:
            async with asyncio.timeout(self._limits.open_within):
                connection = await self._connect(endpoint, words)
                try:
                    return connection, await _read(connection, words)
                except BaseException:
                    await connection.close()
                    raise
        except TimeoutError:
            raise McpServerUnreachable from None

    async def _connect(self, endpoint: McpEndpoint, words: Words) -> "McpConnection":
        # Half a second of imports that whoever has no MCP server does not wait for, nor any turn.
        module = await asyncio.to_thread(
            importlib.import_module, "cadence.plugin_host.mcp.connection"
        )
        connection: McpConnection = module.McpConnection(
            endpoint,
            transport=self._egress.build_httpx2_transport(),
            limits=self._limits,
            words=words,
        )
        await connection.open()
        return connection


async def _read(connection: "McpConnection", words: Words) -> Offer:
    listed = await connection.list_tools()
    instructions = words.text(connection.instructions, _LONGEST_INSTRUCTIONS).strip()
    # Schemas of a thousand tools take a while to read.
    return await asyncio.to_thread(read_offer, listed, words, instructions=instructions)


def _words_for(endpoint: McpEndpoint) -> Words:
    return Words(endpoint.headers.values())
