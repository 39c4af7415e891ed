"""The closed language of a run (PRODUCT.md §5): frozen events, one union, encoded once."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and calls that a run has cost so far."""

    input_tokens: int = 0
    output_tokens: int = 0
    llm_calls: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.llm_calls + other.llm_calls,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStarted:
    """An agent begins to act; `timestamp` is in seconds since the epoch."""

    agent: str
    timestamp: float
    name: ClassVar[str] = "agent_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEnded:
    """The agent that started last under this name has finished."""

    agent: str
    timestamp: float
    name: ClassVar[str] = "agent_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """A tool call begins; `tool` is `<pid>.<tool>`."""

    tool: str
    call_id: str
    args: dict[str, Any]
    agent: str
    name: ClassVar[str] = "tool_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    """A tool call has ended; on error `result` is `{"code", "message"}`."""

    tool: str
    call_id: str
    result: Any
    duration_ms: int
    is_error: bool
    name: ClassVar[str] = "tool_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelta:
    """A piece of the answer; all pieces joined are the answer."""

    content: str
    agent: str
    delta: bool = True
    name: ClassVar[str] = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """What went wrong, in words a tenant may read; never an exception's own text."""

    code: str
    message: str
    retryable: bool
    request_id: str
    name: ClassVar[str] = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOpened:
    """The first event of every run."""

    run_id: str
    conversation_id: str
    instance_id: str
    name: ClassVar[str] = "metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed:
    """The last event of every run, whatever happened."""

    outcome: Outcome
    usage: Usage
    duration_ms: int
    final: bool = True
    name: ClassVar[str] = "metadata"


RuntimeEvent = AgentStarted | AgentEnded | ToolStarted | ToolEnded | MessageDelta
RunEvent = RuntimeEvent | RunError | RunOpened | RunClosed


def payload(event: RunEvent) -> dict[str, Any]:
    """Return the event's `data` as PRODUCT.md §5 lists it."""
    return asdict(event)
