"""What can be wrong with an MCP server, in words that its organization's admin may read."""

from cadence.kernel.errors import CadenceError, Kind


class McpServerUnreachable(CadenceError):
    """No connection, or none that lasted: it is away, too slow, or where calls may not go.

    Which of these it is goes untold: the answer would map the network that this server stands in.
    """

    kind = Kind.UPSTREAM
    code = "mcp_server_unreachable"

    def __init__(self) -> None:
        super().__init__(
            "The MCP server cannot be reached, or did not answer in time. Check its url; only "
            "public addresses over https may be called, and networks that the operator lists."
        )


class McpServerRefused(CadenceError):
    """The server does not let us in."""

    kind = Kind.UPSTREAM
    code = "mcp_server_refused"

    def __init__(self) -> None:
        super().__init__("The MCP server refuses the call. Check the headers that it asks for.")


class McpServerUnusable(CadenceError):
    """The server answers, but not in a way that its tools could be used; `reason` says why."""

    kind = Kind.UPSTREAM
    code = "mcp_server_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The MCP server cannot be used: {reason}")
