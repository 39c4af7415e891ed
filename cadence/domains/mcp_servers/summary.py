"""What may be known of a registered MCP server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cadence.infra.database.tables import McpServer, Plugin
from cadence.kernel.ids import McpServerId


@dataclass(frozen=True, slots=True)
class KnownTool:
    """A tool as models know it."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServerSummary:
    """A server without its headers' values."""

    id: McpServerId
    plugin_id: UUID
    pid: str
    version: str
    name: str
    url: str
    description: str
    header_names: Sequence[str]
    allowed_tools: Sequence[str] | None
    call_timeout: float
    tools: Sequence[KnownTool]
    created_at: datetime
    updated_at: datetime


def summary_of(server: McpServer, plugin: Plugin) -> McpServerSummary:
    """Return what may be known of a server and its row in the catalog."""
    return McpServerSummary(
        id=McpServerId(server.id),
        plugin_id=plugin.id,
        pid=plugin.pid,
        version=plugin.version,
        name=server.name,
        url=server.url,
        description=plugin.description,
        header_names=server.header_names,
        allowed_tools=server.allowed_tools,
        call_timeout=server.call_timeout,
        tools=[KnownTool(tool["name"], tool["description"]) for tool in plugin.tools],
        created_at=server.created_at,
        updated_at=server.updated_at,
    )
