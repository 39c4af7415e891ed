"""The body of an OpenAI Chat Completions request, read into a neutral request."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, Field, JsonValue, PositiveInt

from cadence.offline_model.refusals import Reason, Refused
from cadence.offline_model.request import Choice, JsonObject, Message, Request, Role, Tool, ToolCall

ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class Part(BaseModel):
    """One part of a message's content; only text is read, pictures and sounds are passed over."""

    type: str
    text: str | None = None


class CalledFunction(BaseModel):
    """The function of an earlier call, its arguments still as text."""

    name: str
    arguments: str = "{}"


class EarlierCall(BaseModel):
    """A call that an assistant message made."""

    id: str
    function: CalledFunction


class ChatMessage(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[EarlierCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """All text of the message."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""


class Function(BaseModel):
    """A function on offer."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None


class OfferedTool(BaseModel):
    """A tool on offer; custom tools are not spoken here."""

    type: Literal["function"]
    function: Function


class NamedFunction(BaseModel):
    """Just a function's name."""

    name: str


class NamedChoice(BaseModel):
    """The demand to call one certain function."""

    type: Literal["function"]
    function: NamedFunction


class JsonSchemaFormat(BaseModel):
    """The schema of a structured answer, under a name."""

    name: str
    schema_: dict[str, JsonValue] = Field(default_factory=dict, alias="schema")


class ResponseFormat(BaseModel):
    """How the answer is to be written."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None


class StreamOptions(BaseModel):
    """What a stream is to carry besides the answer."""

    include_usage: bool = False


class ChatBody(BaseModel):
    """The fields that matter to rules; temperature and the like are taken and change nothing."""

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    tools: list[OfferedTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: PositiveInt | None = None
    max_completion_tokens: PositiveInt | None = None
    n: Literal[1] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def most_tokens(self) -> int | None:
        """How many tokens the answer may have."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether the stream is to end with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage


def read_chat(body: ChatBody) -> Request:
    """Return the neutral request; raises `Refused` for what the real API refuses too."""
    _check_order(body.messages)
    choice, chosen = _choice(body)
    form = body.response_format
    return Request(
        system=tuple(one.text for one in body.messages if one.role in {"system", "developer"}),
        messages=tuple(_messages(body.messages)),
        tools=tuple(_tool(offered.function) for offered in body.tools or ()),
        choice=choice,
        chosen_tool=chosen,
        parallel=body.parallel_tool_calls is not False,
        response_schema=form.json_schema.schema_ if form and form.json_schema else None,
        wants_json=form is not None and form.type == "json_object",
    )


def _messages(messages: Iterable[ChatMessage]) -> Iterable[Message]:
    for one in messages:
        if one.role == "user":
            yield Message(role=Role.USER, text=one.text)
        elif one.role == "assistant":
            calls = tuple(_call(call) for call in one.tool_calls or ())
            yield Message(role=Role.ASSISTANT, text=one.text, calls=calls)
        elif one.role == "tool":
            yield Message(
                role=Role.TOOL,
                text=one.text,
                call_id=one.tool_call_id or "",
                tool_name=one.name or "",
            )


def _tool(function: Function) -> Tool:
    return Tool(
        name=function.name,
        description=function.description or "",
        parameters=function.parameters or {},
    )


def _call(call: EarlierCall) -> ToolCall:
    """Read a call back; arguments that are no JSON object count as none."""
    try:
        value: JsonValue = orjson.loads(call.function.arguments or "{}")
    except ValueError:
        value = None
    arguments: JsonObject = value if isinstance(value, dict) else {}
    return ToolCall(name=call.function.name, arguments=arguments, id=call.id)


def _choice(body: ChatBody) -> tuple[Choice, str]:
    if isinstance(body.tool_choice, NamedChoice):
        name = body.tool_choice.function.name
        if all(offered.function.name != name for offered in body.tools or ()):
            message = f"Tool choice '{name[:64]}' not found in 'tools' parameter."
            raise Refused(Reason.REQUEST_INVALID, message, field="tool_choice")
        return Choice.SPECIFIC, name
    return Choice(body.tool_choice or "auto"), ""


def _check_order(messages: Sequence[ChatMessage]) -> None:
    """Check that each call is answered directly after it, as the real API demands."""
    open_ids: set[str] = set()
    for place, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in open_ids:
                raise _out_of_order(place, "a tool message must answer a call right before it")
            open_ids.discard(message.tool_call_id)
            continue
        if open_ids:
            raise _out_of_order(place, "every call must be answered by a tool message first")
        open_ids = {call.id for call in message.tool_calls or ()}
    if open_ids:
        raise _out_of_order(len(messages), "every call must be answered by a tool message")


def _out_of_order(place: int, why: str) -> Refused:
    field = f"messages.{place}"
    return Refused(Reason.REQUEST_INVALID, f"Invalid value for '{field}': {why}.", field=field)
