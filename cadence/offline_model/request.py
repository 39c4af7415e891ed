"""What is asked of the stand-in and what it decides, free of any wire format."""

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

JsonObject = dict[str, JsonValue]


class Role(StrEnum):
    """Who wrote a message; system texts travel apart."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Choice(StrEnum):
    """How free the stand-in is to call tools."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    SPECIFIC = "specific"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call with its arguments; the wire gives it an id."""

    name: str
    arguments: JsonObject
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; `call_id` and `tool_name` belong to tool messages and may be empty."""

    role: Role
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    tool_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool on offer; `parameters` is the JSON Schema of an object, or empty."""

    name: str
    description: str = ""
    parameters: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything one answer is decided from.

    `chosen_tool` counts only with `Choice.SPECIFIC`. `wants_json` asks for some JSON object when
    there is no `response_schema`.
    """

    system: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Choice = Choice.AUTO
    chosen_tool: str = ""
    parallel: bool = True
    response_schema: JsonObject | None = None
    wants_json: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with this text, which is never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class CallTools:
    """Call these tools, at least one."""

    calls: tuple[ToolCall, ...]


Decision = Say | CallTools
