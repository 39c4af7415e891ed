"""From our language to that of the Agents SDK and back."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, cast

from agents import Agent, FunctionTool, RunContextWrapper, TResponseInputItem
from agents.tool_context import ToolContext
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputItem

from cadence.engine.contract import PastMessage, Turn
from cadence.engine.models.openai_agents.chat_models import Asked
from cadence.engine.spec import ToolSpec
from cadence.engine.supervision import OwnTool
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.tools import ToolOutcome
from cadence.kernel.text import clean, clean_value

Items = list[TResponseInputItem]
Instruct = Callable[[RunContextWrapper[Any], Agent[Any]], str]


def conversation(turn: Turn) -> Items:
    """Return the turn's history and its message.

    Providers want a conversation to begin with the user and refuse messages without a word.
    """
    spoken = [past for past in turn.history if past.content.strip()]
    while spoken and spoken[0].role == "assistant":
        spoken.pop(0)
    return [*map(_past, spoken), from_user(turn.message)]


def from_user(text: str) -> TResponseInputItem:
    """Return a message of the user's."""
    return {"role": "user", "content": text}


def offer(tool: ToolSpec) -> FunctionTool:
    """Return a plugin's tool the way the SDK offers it to any model."""
    return _offer(tool.model_name, tool.description, tool.parameters)


def offer_own(tool: OwnTool) -> FunctionTool:
    """Return a tool of ours the way the SDK offers it to any model."""
    return _offer(tool.name, tool.description, tool.parameters)


def build_agent(name: str, instruct: Instruct, asked: Asked) -> Agent[Any]:
    """Return an agent of the SDK that is asked this way; `instruct` writes its system prompt."""
    return Agent(
        name=name,
        instructions=instruct,
        model=asked.model,
        model_settings=asked.settings,
        tools=list(asked.tools),
    )


def requests_of(output: Sequence[ResponseOutputItem], asked: Items) -> tuple[ToolRequest, ...]:
    """Return the calls that an answer asks for, each with an id that no other call has.

    Ids have to be unique in all of what is `asked` next: where two calls share one, the SDK drops
    the first.
    """
    used = {str(item.get("call_id")) for item in cast("list[dict[str, Any]]", asked)}
    requests = []
    for call in output:
        if isinstance(call, ResponseFunctionToolCall):
            unique = _unique(call.call_id or "call", used)
            used.add(unique)
            requests.append(
                ToolRequest(
                    id=unique, model_name=clean(call.name), arguments=_arguments(call.arguments)
                )
            )
    return tuple(requests)


def as_history(output: Sequence[ResponseOutputItem], requests: Sequence[ToolRequest]) -> Items:
    """Return an answer as it goes back to a model; what could not be read is left out of it."""
    left = iter(requests)
    return [_as_history(item, left) for item in output]


def result(request: ToolRequest, outcome: ToolOutcome) -> TResponseInputItem:
    """Return the outcome of a call as its answer in the conversation."""
    return {"type": "function_call_output", "call_id": request.id, "output": outcome.content}


def has_tool_results(items: Iterable[TResponseInputItem]) -> bool:
    """Whether any of the items is the outcome of a tool call."""
    return any(item.get("type") == "function_call_output" for item in items)


def _past(message: PastMessage) -> TResponseInputItem:
    if message.role == "user":
        return from_user(message.content)
    return {"role": "assistant", "content": message.content}


def _offer(name: str, description: str, parameters: Mapping[str, object]) -> FunctionTool:
    return FunctionTool(
        name=name,
        description=description,
        params_json_schema=dict(parameters),
        on_invoke_tool=_never_by_the_runner,
        # Strict schemas allow less than plugins may write, and the SDK would rewrite theirs.
        strict_json_schema=False,
    )


async def _never_by_the_runner(context: ToolContext[Any], _: str) -> NoReturn:
    # A Runner that is cancelled leaves the tools that it runs behind, so it gets no call to run.
    raise AssertionError(f"{context.tool_name} was called past ToolCalls")


def _unique(given: str, used: set[str]) -> str:
    number, unique = 1, given
    while unique in used:
        number += 1
        unique = f"{given}_{number}"
    return unique


def _arguments(written: str) -> dict[str, Any] | None:
    try:
        read = clean_value(json.loads(written or "{}"))
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _as_history(item: ResponseOutputItem, left: Iterable[ToolRequest]) -> TResponseInputItem:
    written = item.model_dump(exclude_unset=True)
    if isinstance(item, ResponseFunctionToolCall):
        request = next(iter(left))
        # An id of the SDK's own making, the same for all.
        written.pop("id", None)
        written["call_id"] = request.id
        written["name"] = request.model_name
        written["arguments"] = json.dumps(dict(request.arguments or {}))
    return cast("TResponseInputItem", written)
