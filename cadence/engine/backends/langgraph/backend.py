"""Builds orchestrators on LangGraph."""

import random
from collections.abc import Callable
from typing import Any, assert_never

from langgraph.graph.state import CompiledStateGraph

from cadence.engine.backends.langgraph import coordinator, handoff, supervisor
from cadence.engine.backends.langgraph.agents import AgentTurn
from cadence.engine.backends.langgraph.binding import build_parts
from cadence.engine.backends.langgraph.rehearsal import rehearse
from cadence.engine.backends.langgraph.runtime import Enter, Entrance, GraphRuntime
from cadence.engine.backends.langgraph.translate import conversation
from cadence.engine.contract import Backend, Runtime, Turn
from cadence.engine.errors import UnsupportedOrchestrator
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.langchain import chat_models
from cadence.engine.models.langchain.chat_models import ChatModel
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.modes import Framework, Mode
from cadence.engine.routing import TurnRouting, entry_of
from cadence.engine.sharing import Sharing, Unshared
from cadence.engine.spec import OrchestratorSpec, Provider
from cadence.engine.tool_calls import ToolCalls, by_model_name
from cadence.engine.tools import ToolInvoker
from cadence.engine.transports import Transports, prepare
from cadence.engine.turn_events import TurnEvents
from cadence.kernel.clock import Clock

_Compiled = CompiledStateGraph[Any, Any, Any, Any]


class LangGraphBackend:
    """A `Backend` for LangGraph; holds the graph that all supervisors share."""

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
        self._unshared = Unshared(transports)
        self._clock = clock
        self._rehearsed: set[Provider] = set()
        self._calls = ModelCalls(retries=retries or RetryPolicy(), chance=chance, clock=clock)
        self._supervisor = supervisor.compile_graph()

    def load(self, spec: OrchestratorSpec) -> None:
        """Do what `Backend.load` promises."""
        for model in spec.models:
            if model.provider not in self._rehearsed:
                rehearse(model, self._calls)
                self._rehearsed.add(model.provider)

    def build(
        self, spec: OrchestratorSpec, tools: ToolInvoker, *, sharing: Sharing | None = None
    ) -> Runtime:
        """Do what `Backend.build` promises."""
        if spec.framework is not Framework.LANGGRAPH:
            raise UnsupportedOrchestrator(f"LangGraph cannot be {spec.framework}.")
        sharing = sharing or self._unshared
        compiled = self._compiled(spec, sharing)
        models = [chat_models.build(model, sharing) for model in spec.models]
        return GraphRuntime(
            compiled=compiled,
            enter=self._entering(spec, models),
            tools=by_model_name(spec.agents),
            invoker=tools,
            limits=spec.limits,
            clock=self._clock,
            titles={agent.name: agent.title for agent in spec.agents},
        )

    def _compiled(self, spec: OrchestratorSpec, sharing: Sharing) -> _Compiled:
        names = tuple(agent.name for agent in spec.agents)
        match spec.mode:
            case Mode.SUPERVISOR:
                return self._supervisor
            case Mode.COORDINATOR:
                return sharing.graph(None, lambda: coordinator.compile_graph(names))
            case Mode.HANDOFF:
                entry = entry_of(spec).name
                return sharing.graph(entry, lambda: handoff.compile_graph(names, entry=entry))
            case _:
                assert_never(spec.mode)

    def _entering(self, spec: OrchestratorSpec, models: list[ChatModel]) -> Enter:
        match spec.mode:
            case Mode.SUPERVISOR:
                return self._entering_supervisor(spec, models)
            case Mode.COORDINATOR | Mode.HANDOFF:
                return self._entering_agents(spec, models[0])
            case _:
                assert_never(spec.mode)

    def _entering_supervisor(self, spec: OrchestratorSpec, models: list[ChatModel]) -> Enter:
        parts = build_parts(spec, models)

        def enter(turn: Turn, events: TurnEvents, tools: ToolCalls) -> Entrance:
            context = supervisor.TurnParts(
                parts=parts,
                events=events,
                tools=tools,
                calls=self._calls,
                meter=turn.meter,
                anchors=turn.anchors,
                now=self._clock.now(),
            )
            return supervisor.opening(conversation(turn), spec.limits), context

        return enter

    def _entering_agents(self, spec: OrchestratorSpec, model: ChatModel) -> Enter:
        mode = coordinator if spec.mode is Mode.COORDINATOR else handoff
        agents = mode.build_agents(spec, model)

        def enter(turn: Turn, events: TurnEvents, tools: ToolCalls) -> Entrance:
            context = AgentTurn(
                agents=agents,
                opening=conversation(turn),
                is_parallel=spec.limits.parallel_tool_calls,
                routing=TurnRouting(spec.limits),
                events=events,
                tools=tools,
                calls=self._calls,
                meter=turn.meter,
                anchors=turn.anchors,
                now=self._clock.now(),
            )
            return mode.opening(context), context

        return enter


def build_backend(transports: Transports, *, clock: Clock) -> Backend:
    """Build the backend as the registry wants it."""
    return LangGraphBackend(transports, clock=clock)
