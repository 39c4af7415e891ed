"""What a client asked of a model, in one shape for all wires."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

JsonObject = dict[str, Any]


class Wire(StrEnum):
    """The four request formats that the fake server speaks."""

    OPENAI_CHAT = "openai_chat"
    OPENAI_RESPONSES = "openai_responses"
    GEMINI = "gemini"
    ANTHROPIC = "anthropic"


class Role(StrEnum):
    """Whose message it is; tool results have a role of their own on every wire."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call as the client sends it back in its history.

    `arguments` is empty when `raw_arguments` is not the JSON of an object.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    raw_arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What the client says a tool call gave; `name` is "" when no call has that id."""

    call_id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; neighbours of one role are one message, so every wire reads alike."""

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """One tool that the model may call; `parameters` is the JSON Schema as it was sent."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(slots=True)
class SocketWatch:
    """What the server saw of one call's socket, in seconds of `time.monotonic()`.

    `answered_at` is when the last byte was handed to the socket; None when the answer was never
    finished. `closed_at` is when the socket was seen closed, by the client or by a step that hangs
    up; None while it is open.
    """

    asked_at: float
    answered_at: float | None = None
    closed_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request to a model.

    `number` counts the calls of one server from 1. `system` holds all system and developer texts,
    joined by an empty line; `messages` holds the rest. `tool_choice` is `auto`, `any`, `none`, a
    tool's name, or None when it was not sent. `parallel_tool_calls` is None when the client left
    the choice to the provider. `headers` have lower-case names. `body` is the request as sent.
    """

    number: int
    wire: Wire
    api_key: str
    model: str
    system: str
    messages: tuple[Message, ...]
    tools: tuple[OfferedTool, ...]
    temperature: float | None
    max_tokens: int | None
    tool_choice: str | None
    parallel_tool_calls: bool | None
    response_schema: Mapping[str, Any] | None
    stream: bool
    include_usage: bool
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: JsonObject
    socket: SocketWatch = field(compare=False)

    @property
    def user_text(self) -> str:
        """The text of the last user message, "" without one."""
        texts = [message.text for message in self.messages if message.role is Role.USER]
        return texts[-1] if texts else ""

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The names of the tools offered, in order."""
        return tuple(tool.name for tool in self.tools)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Every tool call in the history, oldest first."""
        return tuple(call for message in self.messages for call in message.tool_calls)

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """Every tool result in the history, oldest first."""
        return tuple(result for message in self.messages for result in message.tool_results)
