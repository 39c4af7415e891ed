"""Builds orchestrators on the OpenAI Agents SDK."""

import random
from collections.abc import Callable
from typing import assert_never

from cadence.engine.backends.openai_agents.coordinator import build_coordinator
from cadence.engine.backends.openai_agents.handoff import build_handoffs
from cadence.engine.backends.openai_agents.rehearsal import rehearse
from cadence.engine.backends.openai_agents.runtime import AgentsRuntime, Play
from cadence.engine.backends.openai_agents.supervisor import build_supervisor, shape
from cadence.engine.backends.openai_agents.tracing import turn_tracing_off
from cadence.engine.contract import Backend, Graph, Runtime
from cadence.engine.errors import UnsupportedOrchestrator
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.openai_agents import chat_models
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.modes import Framework, Mode
from cadence.engine.sharing import Sharing, Unshared
from cadence.engine.spec import OrchestratorSpec, Provider
from cadence.engine.tool_calls import by_model_name
from cadence.engine.tools import ToolInvoker
from cadence.engine.transports import Transports, prepare
from cadence.kernel.clock import Clock


class OpenAIAgentsBackend:
    """A `Backend` for the OpenAI Agents SDK."""

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
        turn_tracing_off()
        self._clock = clock
        self._rehearsed: set[Provider] = set()
        self._calls = ModelCalls(retries=retries or RetryPolicy(), chance=chance, clock=clock)

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
        if spec.framework is not Framework.OPENAI_AGENTS:
            raise UnsupportedOrchestrator(f"The OpenAI Agents SDK cannot be {spec.framework}.")
        play, graph = _mode(spec, sharing or self._unshared)
        return AgentsRuntime(
            play=play,
            shape=graph,
            tools=by_model_name(spec.agents),
            invoker=tools,
            limits=spec.limits,
            calls=self._calls,
            clock=self._clock,
        )


def _mode(spec: OrchestratorSpec, sharing: Sharing) -> tuple[Play, Graph]:
    models = [chat_models.build(model, sharing) for model in spec.models]
    match spec.mode:
        case Mode.SUPERVISOR:
            return build_supervisor(spec, models).play, sharing.graph(None, shape)
        case Mode.COORDINATOR:
            coordinator = build_coordinator(spec, models[0])
            return coordinator.play, sharing.graph(None, coordinator.shape)
        case Mode.HANDOFF:
            handoffs = build_handoffs(spec, models[0])
            return handoffs.play, sharing.graph(handoffs.entry, handoffs.shape)
        case _:
            assert_never(spec.mode)


def build_backend(transports: Transports, *, clock: Clock) -> Backend:
    """Build the backend as the registry wants it."""
    return OpenAIAgentsBackend(transports, clock=clock)
