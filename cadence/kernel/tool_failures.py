"""How a tool's call can fail where its code runs in another process."""


class ToolUnavailable(Exception):
    """The tool cannot be called now, or its process ended meanwhile; `message` may be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ToolRaised(Exception):
    """A tool in another process raised something that does not speak for itself.

    `kind` is the error's type and `where` its file and line, for the log of the service alone.
    """

    def __init__(self, *, kind: str, where: str) -> None:
        super().__init__(f"{kind} at {where}")
        self.kind = kind
        self.where = where
