"""Asking an MCP server what it offers at this moment."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from cadence.domains.mcp_servers.service import McpServerService
from cadence.kernel.errors import CadenceError
from cadence.kernel.ids import McpServerId
from cadence.plugin_host.mcp.endpoint import McpEndpoint
from cadence.plugin_host.mcp.errors import (
    McpServerRefused,
    McpServerUnreachable,
    McpServerUnusable,
)
from cadence.plugin_host.mcp.offers import LeftOut, Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A tool that is offered now, and whether the registration allows it."""

    name: str
    server_name: str
    description: str
    is_allowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTrialResult:
    """How a trial went; no error means that the server can be used."""

    latency_ms: int
    tools: Sequence[Tried] = ()
    left_out: Sequence[LeftOut] = ()
    error: CadenceError | None = None

    @property
    def ok(self) -> bool:
        """Whether the server can be used."""
        return self.error is None


class McpTrial:
    """Tries servers; `reading` gives the service for as long as its transaction lasts."""

    def __init__(
        self,
        *,
        reading: Callable[[], AbstractAsyncContextManager[McpServerService]],
        look: Callable[[McpEndpoint], Awaitable[Offer]],
    ) -> None:
        self._reading = reading
        self._look = look

    async def run(self, server_id: McpServerId) -> McpTrialResult:
        """Connect once; nothing is stored. Raises `NotFound` and `SecretUnreadable`."""
        async with self._reading() as servers:
            endpoint = (await servers.read(server_id)).draft.endpoint
        # From here on no database connection is held.
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        try:
            offer = await self._look(endpoint)
        except (McpServerUnreachable, McpServerRefused, McpServerUnusable) as error:
            return McpTrialResult(latency_ms=_milliseconds(clock() - asked_at), error=error)
        return McpTrialResult(
            latency_ms=_milliseconds(clock() - asked_at),
            tools=_tried(offer, endpoint),
            left_out=offer.left_out,
        )


def _tried(offer: Offer, endpoint: McpEndpoint) -> list[Tried]:
    allowed = endpoint.allowed_tools
    return [
        Tried(
            name=each.tool.name,
            server_name=each.shown_raw_name,
            description=each.tool.description,
            is_allowed=allowed is None or each.raw_name in allowed,
        )
        for each in offer.tools
    ]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
