"""Builds orchestrators on LangGraph."""

import random
from collections.abc import AsyncGenerator, Callable

from langsmith.run_helpers import tracing_context

from cadence.engine.backends.langgraph.supervisor import (
    NodeModel,
    Parts,
    SupervisorGraph,
    TurnParts,
    compile_graph,
    opening,
)
from cadence.engine.backends.langgraph.translate import conversation, offer, offer_own, shape
from cadence.engine.contract import Backend, Graph, Runtime, Turn
from cadence.engine.errors import UnsupportedOrchestrator
from cadence.engine.events import RuntimeEvent
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.langchain import chat_models
from cadence.engine.models.langchain.chat_models import Asked, ChatModel
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.models.transports import Transports, prepare
from cadence.engine.modes import Framework, Mode, SupervisorNode
from cadence.engine.prompts import DEFAULT_PROMPTS, describe_plugins
from cadence.engine.spec import NodeSpec, OrchestratorSpec
from cadence.engine.supervision import REPORT_VERDICT, ROUTES
from cadence.engine.tool_calls import ToolCalls, by_model_name
from cadence.engine.tools import ToolInvoker
from cadence.engine.turn_events import TurnEvents
from cadence.engine.turn_stream import stream_turn
from cadence.kernel.clock import Clock

# Steps of LangGraph for one hop: supervisor, tools, validation. Its own limit must never be the one
# that ends a turn, ours is.
_STEPS_PER_HOP = 3
_STEPS_BESIDES = 10


class LangGraphBackend:
    """A `Backend` for LangGraph; holds the compiled graphs, which all orchestrators share."""

    def __init__(
        self,
        transports: Transports,
        *,
        clock: Clock,
        retries: RetryPolicy | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Use the shared clients of `transports`, which stay their owner's."""
        prepare(transports)
        self._transports = transports
        self._clock = clock
        self._calls = ModelCalls(retries=retries or RetryPolicy(), chance=chance)
        self._supervisor = compile_graph()

    def load(self, spec: OrchestratorSpec) -> None:
        """Do what `Backend.load` promises."""
        chat_models.load(spec.models, self._transports)

    def build(self, spec: OrchestratorSpec, tools: ToolInvoker) -> Runtime:
        """Do what `Backend.build` promises."""
        if spec.framework is not Framework.LANGGRAPH or spec.mode is not Mode.SUPERVISOR:
            raise UnsupportedOrchestrator(
                f"Orchestrators of {spec.framework} in mode {spec.mode} cannot be built yet."
            )
        return SupervisorRuntime(
            spec,
            tools,
            graph=self._supervisor,
            models=[chat_models.build(model, self._transports) for model in spec.models],
            calls=self._calls,
            clock=self._clock,
        )


class SupervisorRuntime:
    """A `Runtime` in supervisor mode."""

    def __init__(
        self,
        spec: OrchestratorSpec,
        tools: ToolInvoker,
        *,
        graph: SupervisorGraph,
        models: list[ChatModel],
        calls: ModelCalls,
        clock: Clock,
    ) -> None:
        """Bind the spec's tools to the spec's models; `models` are those of `spec.models`."""
        self._graph = graph
        self._calls = calls
        self._clock = clock
        self._invoker = tools
        self._tools = by_model_name(spec.agents)
        self._limits = spec.limits
        self._parts = _parts(spec, models)

    def stream(self, turn: Turn) -> AsyncGenerator[RuntimeEvent, None]:
        """Do what `Runtime.stream` promises."""

        async def play(events: TurnEvents) -> None:
            await self._play(turn, events)

        return stream_turn(play, clock=self._clock, seconds=self._limits.invoke_timeout)

    def graph(self) -> Graph:
        """Do what `Runtime.graph` promises."""
        return shape(self._graph)

    async def close(self) -> None:
        """Release nothing: the clients are shared and the graph is the backend's."""

    async def _play(self, turn: Turn, events: TurnEvents) -> None:
        context = TurnParts(
            parts=self._parts,
            events=events,
            tools=ToolCalls(self._tools, self._invoker, events),
            calls=self._calls,
            meter=turn.meter,
            now=self._clock.now(),
        )
        steps = _STEPS_PER_HOP * self._limits.max_agent_hops + _STEPS_BESIDES
        # LangSmith would send every prompt to its vendor if the environment asked it to.
        with tracing_context(enabled=False):
            await self._graph.ainvoke(
                opening(conversation(turn), self._limits),
                {"recursion_limit": steps},
                context=context,
            )


def _parts(spec: OrchestratorSpec, models: list[ChatModel]) -> Parts:
    nodes = {node: _node_model(node, spec, models) for node in SupervisorNode}
    tools = [tool for agent in spec.agents for tool in agent.tools]
    return Parts(
        nodes=nodes,
        plugins=describe_plugins(spec.agents),
        limits=spec.limits,
        validates_all=spec.use_llm_validation,
        validated_tools=frozenset(tool.model_name for tool in tools if tool.needs_validation),
    )


def _node_model(node: SupervisorNode, spec: OrchestratorSpec, models: list[ChatModel]) -> NodeModel:
    given = spec.nodes.get(node, NodeSpec())
    wanted = given.model or spec.model
    model = next(model for model in models if model.spec == wanted)
    asked, after_tools = _asked(node, spec, model)
    prompt = given.prompt or DEFAULT_PROMPTS[node].text
    seconds = min(wanted.timeout, spec.limits.supervisor_timeout)
    return NodeModel(prompt=prompt, seconds=seconds, asked=asked, after_tools=after_tools)


def _asked(node: SupervisorNode, spec: OrchestratorSpec, model: ChatModel) -> tuple[Asked, Asked]:
    plugins = [offer(tool) for agent in spec.agents for tool in agent.tools]
    match node:
        case SupervisorNode.SUPERVISOR:
            routes = [offer_own(tool) for _, tool in ROUTES.values()]
            free = model.free([*plugins, *routes], parallel=spec.limits.parallel_tool_calls)
            return free, free
        case SupervisorNode.VALIDATION:
            bound = model.bound_to(offer_own(REPORT_VERDICT))
            return bound, bound
        case _:
            return model.chat, model.in_words(plugins)


def build_backend(transports: Transports, *, clock: Clock) -> Backend:
    """Build the backend as the registry wants it."""
    return LangGraphBackend(transports, clock=clock)
