"""Where an MCP server is, what is sent along, and the limits that its answers are held to."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class McpEndpoint:
    """A server as one organization registered it; `headers` go with every call and are secret.

    `allowed_tools` names tools as the server does; None stands for all that it offers.
    `call_timeout` is in seconds.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_tools: tuple[str, ...] | None = None
    call_timeout: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class McpToOpen:
    """An MCP plugin as the catalog knows it; `description` is for a server without instructions."""

    pid: str
    version: str
    description: str
    endpoint: McpEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class McpLimits:
    """What a server may take of us; seconds, bytes and counts.

    `open_within` is for connecting and reading the list of tools. A session that nobody uses for
    `idle` is ended, and begun anew by the next call. `answer_bytes` bounds the body of one answer:
    a page of tools, or a result with the pictures that are left out of it later. `grace` is what an
    answer may take beyond a call's own time, before the connection is cut.
    """

    open_within: float = 10.0
    idle: float = 300.0
    grace: float = 5.0
    answer_bytes: int = 4_194_304
    pages: int = 50
    listed_tools: int = 1000
    offered_tools: int = 128
