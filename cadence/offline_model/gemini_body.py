"""The body of a Gemini generateContent request, read into a neutral request."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, PositiveInt
from pydantic.alias_generators import to_camel

from cadence.offline_model.refusals import Reason, Refused
from cadence.offline_model.request import Choice, JsonObject, Message, Request, Role, Tool, ToolCall

ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$")]
_DEEPEST = 60


class GeminiModel(BaseModel):
    """Takes camelCase and snake_case alike, as the real API and its client libraries do."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class FunctionCall(GeminiModel):
    """An earlier call."""

    name: str
    args: dict[str, JsonValue] | None = None
    id: str | None = None


class FunctionResponse(GeminiModel):
    """What an earlier call returned."""

    name: str
    response: dict[str, JsonValue] | None = None
    id: str | None = None


class Part(GeminiModel):
    """One part of a content; pictures and sounds are passed over, thoughts are not read."""

    text: str | None = None
    thought: bool | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None


def _as_list(value: object) -> object:
    """Wrap a single part, which the real API takes for a list of one."""
    return [value] if isinstance(value, dict) else value


class Content(GeminiModel):
    """One message of the conversation."""

    role: str | None = None
    parts: Annotated[list[Part], BeforeValidator(_as_list)] = Field(default_factory=list)

    @property
    def text(self) -> str:
        """All text of the content, thoughts left out."""
        return "\n".join(part.text for part in self.parts if part.text and not part.thought)


class FunctionDeclaration(GeminiModel):
    """A function on offer, with Gemini's own kind of schema or a JSON Schema."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    parameters_json_schema: dict[str, JsonValue] | None = None


class OfferedTool(GeminiModel):
    """Some functions on offer; Google's own tools are passed over."""

    function_declarations: list[FunctionDeclaration] | None = None


class FunctionCallingConfig(GeminiModel):
    """How free the model is to call."""

    mode: str | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(GeminiModel):
    """Wraps the calling config."""

    function_calling_config: FunctionCallingConfig | None = None


class GenerationConfig(GeminiModel):
    """The fields that matter to rules; temperature and the like are taken and change nothing."""

    max_output_tokens: PositiveInt | None = None
    candidate_count: Literal[1] | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, JsonValue] | None = None
    response_json_schema: dict[str, JsonValue] | None = None


class GenerateBody(GeminiModel):
    """The whole request."""

    contents: Annotated[list[Content], Field(min_length=1)]
    system_instruction: Content | None = None
    tools: list[OfferedTool] | None = None
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig | None = None

    @property
    def most_tokens(self) -> int | None:
        """How many tokens the answer may have."""
        return self.generation_config.max_output_tokens if self.generation_config else None


def read_generate(body: GenerateBody) -> Request:
    """Return the neutral request; raises `Refused` for what the real API refuses too."""
    _check_order(body.contents)
    tools = [_tool(one) for offered in body.tools or () for one in _declared(offered)]
    choice, tools = _choice(body.tool_config, tools)
    schema = _answer_schema(body.generation_config)
    mime_type = body.generation_config.response_mime_type if body.generation_config else None
    system = body.system_instruction
    return Request(
        system=(system.text,) if system else (),
        messages=tuple(message for content in body.contents for message in _messages(content)),
        tools=tuple(tools),
        choice=choice,
        chosen_tool=tools[0].name if choice is Choice.SPECIFIC else "",
        response_schema=schema,
        wants_json=mime_type == "application/json",
    )


def json_schema_of(schema: JsonObject) -> JsonObject:
    """Return Gemini's kind of schema as a JSON Schema: types in lower case, numbers as numbers."""
    converted = _converted(schema, 0)
    return converted if isinstance(converted, dict) else {}


def _converted(value: JsonValue, depth: int) -> JsonValue:
    if depth > _DEEPEST:
        return {}
    if isinstance(value, list):
        return [_converted(one, depth + 1) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _keyword(name, one, depth) for name, one in value.items()}
    kind = plain.get("type")
    if plain.pop("nullable", False) is True and isinstance(kind, str):
        plain["type"] = [kind, "null"]
    return plain


def _keyword(name: str, value: JsonValue, depth: int) -> JsonValue:
    """Convert the value of one keyword; the names of properties are no keywords."""
    if name == "properties" and isinstance(value, dict):
        return {key: _converted(one, depth + 1) for key, one in value.items()}
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name.startswith(("min", "max")) and isinstance(value, str) and value.isdecimal():
        return int(value[:15])
    return value if name in {"enum", "default", "example"} else _converted(value, depth + 1)


def _declared(offered: OfferedTool) -> Sequence[FunctionDeclaration]:
    return offered.function_declarations or ()


def _tool(declaration: FunctionDeclaration) -> Tool:
    parameters = declaration.parameters_json_schema
    if parameters is None:
        parameters = json_schema_of(declaration.parameters or {})
    return Tool(
        name=declaration.name, description=declaration.description or "", parameters=parameters
    )


def _choice(config: ToolConfig | None, tools: list[Tool]) -> tuple[Choice, list[Tool]]:
    """Return the freedom to call and the tools it leaves."""
    calling = config.function_calling_config if config else None
    if calling is None:
        return Choice.AUTO, tools
    match (calling.mode or "AUTO").upper():
        case "NONE":
            return Choice.NONE, tools
        case "ANY":
            allowed = calling.allowed_function_names
            left = [tool for tool in tools if not allowed or tool.name in allowed]
            return (Choice.SPECIFIC if len(left) == 1 else Choice.REQUIRED), left
        case _:
            return Choice.AUTO, tools


def _answer_schema(config: GenerationConfig | None) -> JsonObject | None:
    if config is None:
        return None
    if config.response_json_schema is not None:
        return config.response_json_schema
    return json_schema_of(config.response_schema) if config.response_schema else None


def _messages(content: Content) -> Iterable[Message]:
    """Return one message for the texts and calls of a content, and one for each response."""
    for part in content.parts:
        if part.function_response is not None:
            told = part.function_response
            yield Message(
                role=Role.TOOL,
                text=json.dumps(told.response or {}, ensure_ascii=False),
                call_id=told.id or "",
                tool_name=told.name,
            )
    calls = tuple(_call(part.function_call) for part in content.parts if part.function_call)
    if content.text or calls:
        role = Role.ASSISTANT if content.role == "model" else Role.USER
        yield Message(role=role, text=content.text, calls=calls)


def _call(call: FunctionCall) -> ToolCall:
    return ToolCall(name=call.name, arguments=call.args or {}, id=call.id or "")


def _check_order(contents: Sequence[Content]) -> None:
    """Check that as many responses follow as there were calls, as the real API demands."""
    for before, after in pairwise(contents):
        calls = sum(part.function_call is not None for part in before.parts)
        responses = sum(part.function_response is not None for part in after.parts)
        if calls != responses and responses:
            message = (
                "Please ensure that the number of function response parts is equal to the number "
                "of function call parts of the function call turn."
            )
            raise Refused(Reason.REQUEST_INVALID, message, field="contents")
