"""The prompts that the bare frameworks get: ours, so that both sides send the same bytes."""

from datetime import UTC, datetime

from cadence.engine.agent_prompts import coordinator_prompt, handoff_prompt, plugin_agent_prompt
from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import (
    DEFAULT_PROMPTS,
    Placeholder,
    describe_plugins,
    describe_time,
    render,
)
from cadence.engine.spec import AgentSpec, OrchestratorSpec

_NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def of_node(node: SupervisorNode, spec: OrchestratorSpec) -> str:
    """Return what a node of a supervisor is told."""
    values = {
        Placeholder.CURRENT_TIME: describe_time(_NOW),
        Placeholder.PLUGINS: describe_plugins(spec.agents),
        Placeholder.FAILURES: "",
    }
    return render(DEFAULT_PROMPTS[node].text, values)


def of_coordinator(spec: OrchestratorSpec) -> str:
    """Return what a coordinator is told."""
    return coordinator_prompt(spec.agents, now=_NOW)


def of_worker(agent: AgentSpec) -> str:
    """Return what a coordinator's agent is told."""
    return plugin_agent_prompt(agent, now=_NOW)


def of_holder(agent: AgentSpec, spec: OrchestratorSpec) -> str:
    """Return what an agent is told that may hand over."""
    peers = [other for other in spec.agents if other.name != agent.name]
    return handoff_prompt(agent, peers, additions=None, now=_NOW)
