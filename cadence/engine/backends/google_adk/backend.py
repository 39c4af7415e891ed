"""Builds orchestrators on Google ADK."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from google.adk.workflow import Workflow

from cadence.engine.backends.google_adk import coordinator, handoff, supervisor
from cadence.engine.backends.google_adk.agents import AgentScene
from cadence.engine.backends.google_adk.playing import Player, Playing
from cadence.engine.backends.google_adk.rehearsal import rehearse
from cadence.engine.backends.google_adk.runtime import AdkRuntime, Enter
from cadence.engine.backends.google_adk.translate import conversation, node_names, shape
from cadence.engine.contract import Backend, Graph, Runtime
from cadence.engine.errors import UnsupportedOrchestrator
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.google_adk import models
from cadence.engine.models.google_adk.models import AdkModel
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.modes import Framework, Mode
from cadence.engine.routing import COORDINATOR, TurnRouting, entry_of
from cadence.engine.sharing import Sharing, Unshared
from cadence.engine.spec import OrchestratorSpec, Provider
from cadence.engine.supervision import ANSWERING_NODES
from cadence.engine.tool_calls import by_model_name
from cadence.engine.tools import ToolInvoker
from cadence.engine.transports import Transports, prepare
from cadence.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class _Built:
    """A workflow ready to be played, and its shape."""

    player: Player
    shape: Graph


class GoogleAdkBackend:
    """A `Backend` for Google ADK; holds the workflow that all supervisors share."""

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
        self._supervisor = _built(
            supervisor.build_workflow(), {}, ends=[str(node) for node in ANSWERING_NODES], titles={}
        )

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
        if spec.framework is not Framework.GOOGLE_ADK:
            raise UnsupportedOrchestrator(f"Google ADK cannot be {spec.framework}.")
        sharing = sharing or self._unshared
        nodes = node_names(agent.name for agent in spec.agents)
        built = self._built(spec, nodes, sharing)
        return AdkRuntime(
            player=built.player,
            enter=_entering(spec, nodes, sharing),
            shape=built.shape,
            tools=by_model_name(spec.agents),
            invoker=tools,
            limits=spec.limits,
            calls=self._calls,
            clock=self._clock,
        )

    def _built(self, spec: OrchestratorSpec, nodes: Mapping[str, str], sharing: Sharing) -> _Built:
        match spec.mode:
            case Mode.SUPERVISOR:
                return self._supervisor
            case Mode.COORDINATOR:
                return sharing.graph(None, lambda: _built_coordinator(spec, nodes))
            case Mode.HANDOFF:
                entry = entry_of(spec).name
                return sharing.graph(entry, lambda: _built_handoff(spec, nodes, entry))
            case _:
                assert_never(spec.mode)


def _built_coordinator(spec: OrchestratorSpec, nodes: Mapping[str, str]) -> _Built:
    workflow = coordinator.build_workflow(nodes)
    return _built(workflow, nodes, ends=[COORDINATOR], titles=_titles(spec))


def _built_handoff(spec: OrchestratorSpec, nodes: Mapping[str, str], entry: str) -> _Built:
    workflow = handoff.build_workflow(nodes, entry=entry)
    return _built(workflow, nodes, ends=list(nodes), titles=_titles(spec))


def _titles(spec: OrchestratorSpec) -> Mapping[str, str]:
    return {agent.name: agent.title for agent in spec.agents}


def _built(
    workflow: Workflow, nodes: Mapping[str, str], *, ends: list[str], titles: Mapping[str, str]
) -> _Built:
    return _Built(Player(workflow), shape(workflow, nodes=nodes, ends=ends, titles=titles))


def _entering(spec: OrchestratorSpec, nodes: Mapping[str, str], sharing: Sharing) -> Enter:
    parallel = spec.limits.parallel_tool_calls
    built = [models.build(model, sharing, parallel=parallel) for model in spec.models]
    match spec.mode:
        case Mode.SUPERVISOR:
            return supervisor.build_supervisor(spec, built).enter
        case Mode.COORDINATOR | Mode.HANDOFF:
            return _entering_agents(spec, nodes, built[0])
        case _:
            assert_never(spec.mode)


def _entering_agents(spec: OrchestratorSpec, nodes: Mapping[str, str], model: AdkModel) -> Enter:
    mode = coordinator if spec.mode is Mode.COORDINATOR else handoff
    agents = mode.build_agents(spec, model)

    def enter(playing: Playing) -> AgentScene:
        opening = conversation(playing.turn)
        return AgentScene(
            agents=agents,
            nodes=nodes,
            opening=opening,
            is_parallel=spec.limits.parallel_tool_calls,
            routing=TurnRouting(spec.limits),
            playing=playing,
            contents=list(opening),
        )

    return enter


def build_backend(transports: Transports, *, clock: Clock) -> Backend:
    """Build the backend as the registry wants it."""
    return GoogleAdkBackend(transports, clock=clock)
