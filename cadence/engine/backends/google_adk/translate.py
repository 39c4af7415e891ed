"""From our language to ADK's and back."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from google.adk.models.llm_response import LlmResponse
from google.adk.workflow import START, Workflow
from google.genai.types import Content, FunctionCall, FunctionDeclaration, Part

from cadence.engine.contract import Graph, Turn
from cadence.engine.drawing import draw
from cadence.engine.models.google_adk.requests import declare, tell_result
from cadence.engine.spec import ToolSpec
from cadence.engine.supervision import OwnTool
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.tool_names import model_names
from cadence.engine.tools import ToolOutcome
from cadence.kernel.text import clean, clean_value

_ROLES = {"user": "user", "assistant": "model"}


def conversation(turn: Turn) -> list[Content]:
    """Return the turn's history and its message.

    Providers want a conversation to begin with the user and refuse messages without a word.
    """
    spoken = [past for past in turn.history if past.content.strip()]
    while spoken and spoken[0].role == "assistant":
        spoken.pop(0)
    return [*(_said(past.content, _ROLES[past.role]) for past in spoken), by_user(turn.message)]


def by_user(text: str) -> Content:
    """Return words as the user's."""
    return _said(text, "user")


def offer(tool: ToolSpec) -> FunctionDeclaration:
    """Return a plugin's tool the way ADK offers it to any provider."""
    return declare(tool.model_name, tool.description, tool.parameters)


def offer_own(tool: OwnTool) -> FunctionDeclaration:
    """Return a tool of ours the way ADK offers it to any provider."""
    return declare(tool.name, tool.description, tool.parameters)


def requests_of(answer: LlmResponse) -> tuple[ToolRequest, ...]:
    """Return the calls that an answer asks for, each with an id that no other one has."""
    used: set[str] = set()
    requests = []
    for number, call in enumerate(answer.get_function_calls(), start=1):
        unique = call.id if call.id and call.id not in used else f"{call.id or 'call'}_{number}"
        used.add(unique)
        requests.append(
            ToolRequest(
                id=unique, model_name=clean(call.name or ""), arguments=_arguments(call.args)
            )
        )
    return tuple(requests)


def as_history(answer: LlmResponse, requests: Sequence[ToolRequest]) -> Content:
    """Return the answer as it goes back to a model; what could not be read is left out of it."""
    asked = iter(requests)
    parts = answer.content.parts if answer.content else None
    return Content(role="model", parts=[_past(part, asked) for part in parts or ()])


def results(answered: Iterable[tuple[ToolRequest, ToolOutcome]]) -> Content:
    """Return what calls gave, as their answer in the conversation."""
    parts = [
        tell_result(
            request.id, request.model_name, content=outcome.content, is_error=outcome.is_error
        )
        for request, outcome in answered
    ]
    return Content(role="user", parts=parts)


def node_names(agents: Iterable[str]) -> dict[str, str]:
    """Return for each agent's name that of its node: ADK takes only Python's identifiers."""
    return {agent: f"agent_{safe}" for agent, safe in model_names(agents).items()}


def shape(
    workflow: Workflow,
    *,
    nodes: Mapping[str, str],
    ends: Collection[str],
    titles: Mapping[str, str],
) -> Graph:
    """Return the shape of a built workflow, without ADK's own start.

    `nodes` are the `node_names` of its agents, and `titles` what people call these. A turn may end
    at each of `ends`, which no edge of ADK's says.
    """
    agents = {node: agent for agent, node in nodes.items()}
    steps: dict[str, list[str]] = {}
    for edge in workflow.graph.edges if workflow.graph else ():
        source, target = edge.from_node.name, edge.to_node.name
        following = steps.setdefault(agents.get(source, source), [])
        following.append(agents.get(target, target))
    (entry,) = steps.pop(START.name)
    for target in [each for following in steps.values() for each in following]:
        steps.setdefault(target, [])
    return draw(steps or {entry: []}, entry=entry, ends=ends, titles=titles)


def _said(text: str, role: str) -> Content:
    return Content(role=role, parts=[Part(text=text)])


def _arguments(given: Mapping[str, object] | None) -> dict[str, object] | None:
    read = None if given is None else clean_value(dict(given))
    return read if isinstance(read, dict) else None


def _past(part: Part, asked: Iterable[ToolRequest]) -> Part:
    if part.function_call is not None:
        request = next(iter(asked))
        call = FunctionCall(
            id=request.id, name=request.model_name, args=dict(request.arguments or {})
        )
        # A copy, because Google signs its calls and wants the signature back.
        return part.model_copy(update={"function_call": call})
    return part.model_copy(update={"text": clean(part.text)}) if part.text else part
