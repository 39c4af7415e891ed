"""LangGraph without us: its own graphs and `ToolNode`, on `ChatOpenAI`."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol, assert_never

import httpx2
from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import BaseTool, StructuredTool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command
from pydantic import SecretStr

from cadence.engine.modes import Mode, SupervisorNode
from cadence.engine.routing import COORDINATOR
from cadence.engine.spec import AgentSpec, OrchestratorSpec, ToolSpec
from cadence.engine.transfers import Transferring, transfer_tools
from tests.benchmarks import bare_prompts
from tests.benchmarks.workload import Play, Plugins

_Compiled = CompiledStateGraph[Any, Any, Any, Any]
_Graph = StateGraph[MessagesState, None, MessagesState, MessagesState]


class _Asking(Protocol):
    def __call__(self, state: MessagesState) -> Awaitable[dict[str, Any]]: ...


class _Routing(Protocol):
    def __call__(self, state: MessagesState) -> Awaitable[Command[str]]: ...


class BareLangGraph:
    """A `Bare` on one shared HTTP client."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    def build(self, spec: OrchestratorSpec) -> Play:
        """Do what `Bare.build` promises."""
        model = ChatOpenAI(
            model=spec.model.model,
            base_url=spec.model.base_url,
            api_key=SecretStr(spec.model.api_key),
            http_async_client=self._http,
            max_retries=0,
            stream_usage=True,
            # As ours has it: else every chunk gets a task of its own.
            stream_chunk_timeout=None,
        )
        match spec.mode:
            case Mode.SUPERVISOR:
                return _playing(_supervisor(spec, model))
            case Mode.COORDINATOR:
                return _playing(_coordinator(spec, model))
            case Mode.HANDOFF:
                return _playing(_handoff(spec, model))
            case _:
                assert_never(spec.mode)


def _supervisor(spec: OrchestratorSpec, model: ChatOpenAI) -> _Compiled:
    tools = [_tool(tool) for agent in spec.agents for tool in agent.tools]
    supervising = bare_prompts.of_node(SupervisorNode.SUPERVISOR, spec)
    answering = bare_prompts.of_node(SupervisorNode.SYNTHESIZER, spec)
    graph = _Graph(MessagesState)
    graph.add_node("supervisor", _asking(model.bind_tools(tools), supervising))
    graph.add_node("tools", ToolNode(tools))
    graph.add_node("synthesizer", _asking(model, answering))
    graph.add_edge(START, "supervisor")
    graph.add_conditional_edges(
        "supervisor", tools_condition, {"tools": "tools", END: "synthesizer"}
    )
    graph.add_edge("tools", "supervisor")
    graph.add_edge("synthesizer", END)
    return graph.compile()


def _coordinator(spec: OrchestratorSpec, model: ChatOpenAI) -> _Compiled:
    transfers = transfer_tools(spec.agents, Transferring.AND_BACK)
    routed = model.bind_tools(_offers(spec.agents, Transferring.AND_BACK))
    names = [agent.name for agent in spec.agents]
    graph = _Graph(MessagesState)
    graph.add_node(
        COORDINATOR,
        _routing(_asking(routed, bare_prompts.of_coordinator(spec)), transfers.agents),
        destinations=(*names, END),
    )
    graph.add_edge(START, COORDINATOR)
    for agent in spec.agents:
        graph.add_node(agent.name, _worker(agent, model))
        graph.add_edge(agent.name, COORDINATOR)
    return graph.compile()


def _worker(agent: AgentSpec, model: ChatOpenAI) -> _Compiled:
    tools = [_tool(tool) for tool in agent.tools]
    graph = _Graph(MessagesState)
    graph.add_node("model", _asking(model.bind_tools(tools), bare_prompts.of_worker(agent)))
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile()


def _handoff(spec: OrchestratorSpec, model: ChatOpenAI) -> _Compiled:
    graph = _Graph(MessagesState)
    names = [agent.name for agent in spec.agents]
    for agent in spec.agents:
        peers = [other for other in spec.agents if other is not agent]
        tools = [_tool(tool) for tool in agent.tools]
        bound = model.bind_tools([*tools, *_offers(peers, Transferring.FOR_GOOD)])
        targets = dict(transfer_tools(peers, Transferring.FOR_GOOD).agents)
        calling = f"{agent.name} tools"
        graph.add_node(
            agent.name,
            _routing(_asking(bound, bare_prompts.of_holder(agent, spec)), targets, calling),
            destinations=(*names, calling, END),
        )
        graph.add_node(calling, ToolNode(tools))
        graph.add_edge(calling, agent.name)
    graph.add_edge(START, str(spec.entry_agent))
    return graph.compile()


def _asking(model: Any, prompt: str) -> _Asking:
    async def ask(state: MessagesState) -> dict[str, Any]:
        said = await model.ainvoke([SystemMessage(prompt), *state["messages"]])
        return {"messages": [said]}

    return ask


def _routing(ask: _Asking, targets: Any, calling: str = END) -> _Routing:
    """Go where a transfer leads, else to `calling` with calls of tools."""

    async def route(state: MessagesState) -> Command[str]:
        update = await ask(state)
        calls = update["messages"][0].tool_calls
        if not calls:
            return Command(goto=END, update=update)
        target = targets.get(calls[0]["name"])
        if target is None:
            return Command(goto=calling, update=update)
        done = ToolMessage("Transferred.", tool_call_id=calls[0]["id"], name=calls[0]["name"])
        return Command(goto=target, update={"messages": [*update["messages"], done]})

    return route


def _tool(tool: ToolSpec) -> BaseTool:
    plugins = Plugins()

    async def call(**arguments: Any) -> object:
        return (await plugins.call(tool.qualified_name, arguments))[0]

    return StructuredTool(
        name=tool.model_name,
        description=tool.description,
        args_schema=dict(tool.parameters),
        coroutine=call,
    )


def _offers(agents: Iterable[AgentSpec], transferring: Transferring) -> Sequence[dict[str, Any]]:
    return [
        {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
        for tool in transfer_tools(agents, transferring).tools
    ]


def _playing(graph: _Compiled) -> Play:
    async def play(message: str) -> str:
        said: list[str] = []
        asked: list[BaseMessage] = [HumanMessage(message)]
        stream = graph.astream({"messages": asked}, stream_mode="messages")
        async for piece, _ in stream:
            if isinstance(piece, AIMessageChunk):
                said.append(str(piece.text))
        return "".join(said)

    return play
