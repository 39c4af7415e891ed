"""The coordinator mode as a LangGraph: one node routes, and each plugin's agent is one node."""

import operator
from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, Any, Protocol, TypedDict

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from cadence.engine.agent_prompts import coordinator_prompt, plugin_agent_prompt
from cadence.engine.backends.langgraph.agents import Agent, AgentTurn, build_agent, results
from cadence.engine.models.langchain.chat_models import ChatModel
from cadence.engine.routing import COORDINATOR, Asking, Choice
from cadence.engine.spec import AgentSpec, OrchestratorSpec
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.transfers import Transfer, Transferring, transfer_tools


class State(TypedDict):
    """The coordinator's conversation, and its last answer's calls while an agent works on one."""

    conversation: Annotated[list[BaseMessage], operator.add]
    requests: tuple[ToolRequest, ...]
    choice: Choice


Update = dict[str, Any]
CoordinatorGraph = CompiledStateGraph[State, AgentTurn, State, State]


class _Node(Protocol):
    def __call__(self, state: State, *, runtime: Runtime[AgentTurn]) -> Awaitable[Update]: ...


def opening(turn: AgentTurn) -> State:
    """Return the state in which a turn enters the graph."""
    return State(conversation=list(turn.opening), requests=(), choice=Choice())


def compile_graph(names: Sequence[str]) -> CoordinatorGraph:
    """Compile the graph of a coordinator and these agents, for all orchestrators that have them."""
    graph = StateGraph(State, context_schema=AgentTurn)
    graph.add_node(COORDINATOR, _coordinate, destinations=(*names, END))
    graph.add_edge(START, COORDINATOR)
    for name in names:
        graph.add_node(name, _working(name))
        graph.add_edge(name, COORDINATOR)
    return graph.compile(name="coordinator")


def build_agents(spec: OrchestratorSpec, model: ChatModel) -> Mapping[str, Agent]:
    """Bind the coordinator to its transfers and each plugin's agent to its tools."""
    coordinator = build_agent(
        COORDINATOR,
        prompt=lambda now: coordinator_prompt(spec.agents, now=now),
        tools=None,
        transfers=transfer_tools(spec.agents, Transferring.AND_BACK),
        model=model,
        limits=spec.limits,
    )
    workers = (_worker(agent, spec, model) for agent in spec.agents)
    return {agent.name: agent for agent in (coordinator, *workers)}


def _worker(agent: AgentSpec, spec: OrchestratorSpec, model: ChatModel) -> Agent:
    return build_agent(
        agent.name,
        prompt=lambda now: plugin_agent_prompt(agent, now=now),
        tools=agent,
        transfers=transfer_tools((), Transferring.AND_BACK),
        model=model,
        limits=spec.limits,
    )


async def _coordinate(state: State, *, runtime: Runtime[AgentTurn]) -> Command[str]:
    turn = runtime.context
    agent = turn.agents[COORDINATOR]
    said: list[BaseMessage] = []
    with turn.events.acting(agent.name):
        while True:
            asking = turn.routing.next_asking()
            conversation = [*state["conversation"], *said]
            answer = await turn.ask(agent, conversation, asking=asking, is_heard=True)
            if asking is Asking.IN_WORDS or not answer.requests:
                return Command(goto=END)
            said.append(answer.message)
            choice = turn.routing.choose_agent(answer.requests, agent.transfers)
            if choice.taken is not None:
                break
            said += results(choice, answer.requests)
    update = {"conversation": said, "requests": answer.requests, "choice": choice}
    return Command(goto=choice.taken.agent, update=update)


def _working(name: str) -> _Node:
    async def node(state: State, *, runtime: Runtime[AgentTurn]) -> Update:
        choice = state["choice"]
        if choice.taken is None:
            raise AssertionError(f"{name} was not transferred to")
        turn = runtime.context
        with turn.events.acting(name):
            text = await _work(turn.agents[name], choice.taken, turn)
        report = turn.routing.report(name, text)
        done = [(choice.taken.asked, report)]
        return {"conversation": results(choice, state["requests"], done)}

    return node


async def _work(agent: Agent, transfer: Transfer, turn: AgentTurn) -> str | None:
    """Return what the agent reports, or None when it may not be asked any more."""
    briefing = turn.routing.briefing(transfer.request)
    conversation = [*turn.opening, *([] if briefing is None else [HumanMessage(briefing)])]
    while turn.routing.next_asking() is Asking.FREELY:
        answer = await turn.ask(agent, conversation, is_heard=False)
        if not answer.requests:
            return answer.text
        done = await turn.call_tools(agent, answer.requests)
        conversation += [answer.message, *results(Choice(), answer.requests, done)]
    return None
