"""How any backend calls any tool, wherever the tool's code runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


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


class ToolInvoker(Protocol):
    """Calls one tool; the only way from a backend to a plugin's code."""

    async def invoke(self, qualified_name: str, arguments: Mapping[str, Any]) -> ToolOutcome:
        """Validate the arguments, run the tool within its limits and return its outcome.

        Never raises for what a tool does: an exception, a hang or an oversized result is an outcome
        with an `error_code`. Cancelling the caller abandons the call.
        """
        ...
