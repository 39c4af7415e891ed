"""Writes and reads what ADK's requests hold: offers of tools, calls and their results."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from google.adk.models.llm_request import LlmRequest
from google.genai.types import (
    Content,
    FunctionCallingConfig,
    FunctionCallingConfigMode,
    FunctionDeclaration,
    FunctionResponse,
    GenerateContentConfig,
    Part,
    Tool,
    ToolConfig,
)

from cadence.engine.spec import ModelSpec
from cadence.kernel.text import clean_value

# The two keys that Google names for what a function gave.
_OUTPUT, _ERROR = "output", "error"


class Calling(StrEnum):
    """What a model may do with the tools it is offered."""

    FREE = "AUTO"
    FORCED = "ANY"
    WORDS_ONLY = "NONE"


def declare(name: str, description: str, parameters: Mapping[str, Any]) -> FunctionDeclaration:
    """Return a tool the way ADK offers it."""
    return FunctionDeclaration(
        name=name, description=description, parameters_json_schema=dict(parameters)
    )


def settings(
    spec: ModelSpec, tools: Sequence[FunctionDeclaration], calling: Calling
) -> GenerateContentConfig:
    """Return a model's settings and the tools it is offered, for any number of requests.

    With `Calling.FORCED` there is one tool.
    """
    return GenerateContentConfig(
        temperature=spec.temperature,
        max_output_tokens=spec.max_tokens,
        tools=[Tool(function_declarations=list(tools))] if tools else None,
        tool_config=_tool_config(calling, tools) if tools else None,
    )


def tell_result(call_id: str, name: str, *, content: str, is_error: bool) -> Part:
    """Return what a call gave, as the part of a user's message."""
    told = {_ERROR if is_error else _OUTPUT: content}
    return Part(function_response=FunctionResponse(id=call_id, name=name, response=told))


def result_text(response: FunctionResponse) -> str:
    """Return the text that `tell_result` was given."""
    return str(next(iter((response.response or {}).values()), ""))


def is_error(response: FunctionResponse) -> bool:
    """Whether the call failed."""
    return _ERROR in (response.response or {})


def calling_of(request: LlmRequest) -> Calling:
    """Return what the model may do with the tools."""
    given = request.config.tool_config
    mode = given.function_calling_config.mode if given and given.function_calling_config else None
    return Calling(mode.value) if mode else Calling.FREE


def tools_of(request: LlmRequest) -> Iterator[FunctionDeclaration]:
    """Yield the tools that the model is offered."""
    for tool in request.config.tools or ():
        if isinstance(tool, Tool):
            yield from tool.function_declarations or ()


def prompt_of(request: LlmRequest) -> str:
    """Return the system prompt."""
    return str(request.config.system_instruction or "")


def has_results(contents: Iterable[Content]) -> bool:
    """Whether any of the contents holds what a call gave."""
    return any(part.function_response for each in contents for part in each.parts or ())


def text_of(parts: Iterable[Part] | None) -> str:
    """Return the words among the parts, without the model's thoughts."""
    return "".join(part.text for part in parts or () if part.text and not part.thought)


def read_arguments(text: str) -> dict[str, Any] | None:
    """Read a call's arguments to the letter; None when they are not the JSON of an object."""
    try:
        read = clean_value(json.loads(text or "{}"))
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _tool_config(calling: Calling, tools: Sequence[FunctionDeclaration]) -> ToolConfig:
    forced = [tool.name for tool in tools if tool.name] if calling is Calling.FORCED else None
    mode = FunctionCallingConfigMode(calling.value)
    config = FunctionCallingConfig(mode=mode, allowed_function_names=forced)
    return ToolConfig(function_calling_config=config)
