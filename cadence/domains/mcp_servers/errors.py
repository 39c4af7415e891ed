"""What can go wrong with registering an MCP server."""

from cadence.kernel.errors import CadenceError, FieldProblem, Kind


class McpServerNameTaken(CadenceError):
    """Another MCP server, or another plugin, has this name or what a pid makes of it."""

    kind = Kind.CONFLICT
    code = "mcp_server_name_taken"

    def __init__(self) -> None:
        super().__init__(
            "This organization already has an MCP server or a plugin of this name.",
            fields=[FieldProblem("name", "is taken")],
        )


class McpServerChanged(CadenceError):
    """Somebody else has changed the server while it was being asked what it offers."""

    kind = Kind.CONFLICT
    code = "mcp_server_changed"

    def __init__(self) -> None:
        super().__init__("The MCP server has been changed meanwhile. Look at it and try again.")
