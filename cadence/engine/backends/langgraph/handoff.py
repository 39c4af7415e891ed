"""The handoff mode as a LangGraph: each plugin's agent is one node, and every one leads to all."""

import operator
from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, Protocol, TypedDict

from langchain_core.messages import BaseMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from cadence.engine.agent_prompts import handoff_prompt
from cadence.engine.backends.langgraph.agents import Agent, AgentTurn, build_agent, results
from cadence.engine.models.langchain.chat_models import ChatModel
from cadence.engine.routing import Asking, transferred
from cadence.engine.spec import AgentSpec, OrchestratorSpec
from cadence.engine.transfers import Transferring, transfer_tools


class State(TypedDict):
    """The conversation that all agents of the turn share."""

    conversation: Annotated[list[BaseMessage], operator.add]


HandoffGraph = CompiledStateGraph[State, AgentTurn, State, State]


class _Node(Protocol):
    def __call__(self, state: State, *, runtime: Runtime[AgentTurn]) -> Awaitable[Command[str]]: ...


def opening(turn: AgentTurn) -> State:
    """Return the state in which a turn enters the graph."""
    return State(conversation=list(turn.opening))


def compile_graph(names: Sequence[str], *, entry: str) -> HandoffGraph:
    """Compile the graph of these agents, for all orchestrators that have them."""
    graph = StateGraph(State, context_schema=AgentTurn)
    for name in names:
        peers = (other for other in names if other != name)
        graph.add_node(name, _holding(name), destinations=(*peers, END))
    graph.add_edge(START, entry)
    return graph.compile(name="handoff")


def build_agents(spec: OrchestratorSpec, model: ChatModel) -> Mapping[str, Agent]:
    """Bind each plugin's agent to its tools and to the transfers to all others."""
    return {agent.name: _holder(agent, spec, model) for agent in spec.agents}


def _holder(agent: AgentSpec, spec: OrchestratorSpec, model: ChatModel) -> Agent:
    peers = [other for other in spec.agents if other.name != agent.name]
    additions = spec.handoff_instructions
    return build_agent(
        agent.name,
        prompt=lambda now: handoff_prompt(agent, peers, additions=additions, now=now),
        tools=agent,
        transfers=transfer_tools(peers, Transferring.FOR_GOOD),
        model=model,
        limits=spec.limits,
    )


def _holding(name: str) -> _Node:
    async def node(state: State, *, runtime: Runtime[AgentTurn]) -> Command[str]:
        turn = runtime.context
        with turn.events.acting(name):
            return await _hold(turn.agents[name], state["conversation"], turn)

    return node


async def _hold(agent: Agent, conversation: list[BaseMessage], turn: AgentTurn) -> Command[str]:
    said: list[BaseMessage] = []
    while True:
        asking = turn.routing.next_asking()
        answer = await turn.ask(agent, [*conversation, *said], asking=asking, is_heard=True)
        if asking is Asking.IN_WORDS or not answer.requests:
            return Command(goto=END)
        choice = turn.routing.choose_peer(answer.requests, agent.transfers)
        done = await turn.call_tools(agent, choice.tool_calls)
        if choice.taken is not None:
            done.append((choice.taken.asked, transferred(choice.taken)))
        said += [answer.message, *results(choice, answer.requests, done)]
        if choice.taken is not None:
            return Command(goto=choice.taken.agent, update={"conversation": said})
