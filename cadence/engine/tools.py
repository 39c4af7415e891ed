"""How any backend calls any tool, wherever the tool's code runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class ToolErrorCode(StrEnum):
    """Why a call failed; what `ToolOutcome.error_code` and a failed `tool_end` hold."""

    FAILED = "tool_error"
    TIMEOUT = "tool_timeout"
    RESULT_TOO_LARGE = "tool_result_too_large"
    ARGUMENTS_INVALID = "tool_arguments_invalid"
    UNKNOWN = "tool_unknown"
    UNAVAILABLE = "tool_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """What a call gave.

    `content` is what the model reads; `shown` is what the client's `tool_end` carries (a stream
    filter may have changed it). On error both describe the error and `error_code` is one of
    `tool_error`, `tool_timeout`, `tool_result_too_large`, `tool_arguments_invalid`, `tool_unknown`,
    `tool_unavailable`.
    """

    content: str
    shown: Any
    error_code: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether the call failed."""
        return self.error_code is not None

    @classmethod
    def failure(cls, code: ToolErrorCode, message: str) -> "ToolOutcome":
        """Build the outcome of a call that failed; `message` may be read by anyone."""
        return cls(
            content=f"Error {code}: {message}",
            shown={"code": str(code), "message": message},
            error_code=code,
        )


class ToolInvoker(Protocol):
    """Calls one tool; the only way from a backend to a plugin's code."""

    async def invoke(self, qualified_name: str, arguments: Mapping[str, Any]) -> ToolOutcome:
        """Validate the arguments, run the tool within its limits and return its outcome.

        Never raises for what a tool does: an exception, a hang or an oversized result is an outcome
        with an `error_code`. Cancelling the caller abandons the call.
        """
        ...


class PluginCode(Protocol):
    """One plugin's tools, wherever its code runs: in this process or in a plugin host."""

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        """Run one tool, named without its pid, and return two results.

        The first is what agents read, the second what the client is shown (a stream filter may
        have changed it). May raise whatever the plugin raises. The arguments have been checked
        against the tool's schema. Must not block the event loop.
        """
        ...
