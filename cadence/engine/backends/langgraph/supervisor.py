"""The supervisor mode as a LangGraph: seven nodes that every orchestrator of this mode shares."""

import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, TypedDict

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from cadence.engine.anchors import Anchors, anchor_node
from cadence.engine.backends.langgraph.asking import Answer, Hear, Question
from cadence.engine.backends.langgraph.binding import Parts
from cadence.engine.backends.langgraph.translate import has_tool_results, result
from cadence.engine.contract import UsageMeter
from cadence.engine.errors import ModelAnswerInvalid
from cadence.engine.limits import Hops
from cadence.engine.models.calls import ModelCalls
from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import Placeholder, describe_failures, describe_time, render
from cadence.engine.spec import Limits
from cadence.engine.supervision import (
    ANSWERING_NODES,
    CONTROL_TOOLS,
    ROUTES,
    Round,
    Verdict,
    after_supervisor,
    after_validation,
    judge,
    read_verdict,
)
from cadence.engine.tool_calls import ToolCalls, ToolRequest
from cadence.engine.tools import ToolErrorCode, ToolOutcome
from cadence.engine.turn_events import TurnEvents

_ROUTE_IGNORED = ToolOutcome.failure(
    ToolErrorCode.UNAVAILABLE, "Nothing was routed, because tools were called in the same step."
)


class State(TypedDict):
    """What a turn knows so far; `next_node` is where the last node sends it."""

    conversation: Annotated[list[BaseMessage], operator.add]
    hops: Hops
    has_results: bool
    requests: tuple[ToolRequest, ...]
    outcomes: tuple[ToolOutcome, ...]
    failures: str
    next_node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnParts:
    """What one turn brings to the shared graph."""

    parts: Parts
    events: TurnEvents
    tools: ToolCalls
    calls: ModelCalls
    meter: UsageMeter
    anchors: Anchors
    now: datetime

    async def ask(self, node: SupervisorNode, state: State, hear: Hear | None = None) -> Answer:
        """Put the conversation to the node's model under the node's prompt."""
        model = self.parts.nodes[node]
        conversation = state["conversation"]
        question = Question(
            spec=model.spec,
            asked=model.after_tools if has_tool_results(conversation) else model.asked,
            messages=[SystemMessage(self._prompt(model.prompt, state)), *conversation],
            hear=hear,
        )
        return await question.put(self.calls, seconds=model.seconds, meter=self.meter)

    def _prompt(self, template: str, state: State) -> str:
        prompt = render(
            template,
            {
                Placeholder.CURRENT_TIME: describe_time(self.now),
                Placeholder.PLUGINS: self.parts.plugins,
                Placeholder.FAILURES: state["failures"],
            },
        )
        return anchor_node(prompt, self.anchors)


Update = dict[str, Any]
Act = Callable[[State, TurnParts], Awaitable[Update]]
SupervisorGraph = CompiledStateGraph[State, TurnParts, State, State]


class _Node(Protocol):
    def __call__(self, state: State, *, runtime: Runtime[TurnParts]) -> Awaitable[Update]: ...


def opening(conversation: list[BaseMessage], limits: Limits) -> State:
    """Return the state in which a turn enters the graph."""
    return State(
        conversation=conversation,
        hops=Hops(limits.max_agent_hops),
        has_results=False,
        requests=(),
        outcomes=(),
        failures="",
        next_node=SupervisorNode.SUPERVISOR,
    )


def compile_graph() -> SupervisorGraph:
    """Compile the graph; what differs from orchestrator to orchestrator comes with each turn."""
    graph = StateGraph(State, context_schema=TurnParts)
    graph.add_node(SupervisorNode.SUPERVISOR, _acting(SupervisorNode.SUPERVISOR, _supervise))
    graph.add_node(CONTROL_TOOLS, _acting(CONTROL_TOOLS, _control_tools))
    graph.add_node(SupervisorNode.VALIDATION, _acting(SupervisorNode.VALIDATION, _validate))
    for node in ANSWERING_NODES:
        graph.add_node(node, _acting(node, _answering(node)))
        graph.add_edge(node, END)
    graph.add_edge(START, SupervisorNode.SUPERVISOR)
    graph.add_conditional_edges(
        SupervisorNode.SUPERVISOR,
        _next_node,
        [
            CONTROL_TOOLS,
            SupervisorNode.SYNTHESIZER,
            SupervisorNode.FACILITATOR,
            SupervisorNode.CONVERSATIONAL,
        ],
    )
    graph.add_edge(CONTROL_TOOLS, SupervisorNode.VALIDATION)
    graph.add_conditional_edges(
        SupervisorNode.VALIDATION,
        _next_node,
        [SupervisorNode.SUPERVISOR, SupervisorNode.SYNTHESIZER, SupervisorNode.ERROR_HANDLER],
    )
    return graph.compile(name="supervisor")


def _acting(name: str, act: Act) -> _Node:
    async def node(state: State, *, runtime: Runtime[TurnParts]) -> Update:
        with runtime.context.events.acting(str(name)):
            return await act(state, runtime.context)

    return node


def _next_node(state: State) -> str:
    return state["next_node"]


async def _supervise(state: State, turn: TurnParts) -> Update:
    hops = state["hops"].next()
    answer = await turn.ask(SupervisorNode.SUPERVISOR, state)
    asked = [request.model_name for request in answer.requests]
    next_node = after_supervisor(asked, has_results=state["has_results"])
    if next_node != CONTROL_TOOLS:
        # Another agent writes the answer, from the same conversation.
        return {"hops": hops, "next_node": next_node}
    return {
        "hops": hops,
        "next_node": next_node,
        "conversation": [answer.message],
        "requests": answer.requests,
    }


async def _control_tools(state: State, turn: TurnParts) -> Update:
    calls = [request for request in state["requests"] if request.model_name not in ROUTES]
    outcomes = await turn.tools.call_all(
        calls, agent=CONTROL_TOOLS, parallel=turn.parts.limits.parallel_tool_calls
    )
    by_request = {call.id: outcome for call, outcome in zip(calls, outcomes, strict=True)}
    return {
        # Every call must be answered before a model may be asked again.
        "conversation": [
            result(request, by_request.get(request.id, _ROUTE_IGNORED))
            for request in state["requests"]
        ],
        "requests": tuple(calls),
        "outcomes": tuple(outcomes),
    }


async def _validate(state: State, turn: TurnParts) -> Update:
    judged = judge(state["outcomes"])
    verdict = await _verdict(state, turn) if judged is Round.USABLE else None
    is_usable = judged is Round.USABLE and (verdict is None or verdict.is_valid)
    has_results = state["has_results"] or is_usable
    next_node = after_validation(judged, verdict, hops=state["hops"], has_results=has_results)
    update: Update = {
        "next_node": next_node,
        "has_results": has_results,
        "failures": _failures(state, verdict),
    }
    if next_node == SupervisorNode.SUPERVISOR and verdict is not None and not verdict.is_valid:
        update["conversation"] = [HumanMessage(f"Check of the results: {verdict.reason}")]
    return update


async def _verdict(state: State, turn: TurnParts) -> Verdict | None:
    """Ask a model where the orchestrator or a tool wants that; no readable verdict is none."""
    called = {request.model_name for request in state["requests"]}
    if not turn.parts.validates_all and not called & turn.parts.validated_tools:
        return None
    answer = await turn.ask(SupervisorNode.VALIDATION, state)
    return read_verdict(answer.requests[0].arguments if answer.requests else None)


def _failures(state: State, verdict: Verdict | None) -> str:
    names = (request.model_name for request in state["requests"])
    failures = describe_failures(zip(names, state["outcomes"], strict=True))
    if verdict is None or verdict.is_valid:
        return failures
    return f"{failures}\n- The results cannot be used: {verdict.reason}"


def _answering(node: SupervisorNode) -> Act:
    async def answer(state: State, turn: TurnParts) -> Update:
        async def hear(text: str) -> None:
            await turn.events.say(text, agent=str(node))

        said = await turn.ask(node, state, hear)
        if not said.text.strip():
            raise ModelAnswerInvalid
        return {"next_node": END}

    return answer
