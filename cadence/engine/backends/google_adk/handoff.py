"""The handoff mode as an ADK workflow: each plugin's agent is one node, and every one leads to all.

ADK's own `transfer_to_agent` adds a prompt of its own and turns what others said and called into
quotations; here the agents share one conversation as it is, with transfer tools of ours.
"""

from collections.abc import Mapping

from google.adk.workflow import START, Workflow

from cadence.engine.agent_prompts import handoff_prompt
from cadence.engine.backends.google_adk.agents import (
    Agent,
    AgentScene,
    acting,
    answered,
    build_agent,
)
from cadence.engine.models.google_adk.models import AdkModel
from cadence.engine.routing import Asking, transferred
from cadence.engine.spec import AgentSpec, OrchestratorSpec
from cadence.engine.transfers import Transferring, transfer_tools


def build_workflow(nodes: Mapping[str, str], *, entry: str) -> Workflow:
    """Build the workflow of the agents that have these nodes; the agent `entry` begins."""
    holders = [acting(agent, node, _hold) for agent, node in nodes.items()]
    first = next(holder for holder in holders if holder.name == nodes[entry])
    routes = [
        (holder, {peer.name: peer for peer in holders if peer is not holder})
        for holder in holders
        if len(holders) > 1
    ]
    return Workflow(name="handoff_mode", edges=[(START, first), *routes])


def build_agents(spec: OrchestratorSpec, model: AdkModel) -> Mapping[str, Agent]:
    """Bind each plugin's agent to its tools and to the transfers to all others."""
    return {agent.name: _holder(agent, spec, model) for agent in spec.agents}


def _holder(agent: AgentSpec, spec: OrchestratorSpec, model: AdkModel) -> Agent:
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


async def _hold(scene: AgentScene, agent: Agent) -> str | None:
    while True:
        asking = scene.routing.next_asking()
        answer = await scene.ask(agent, scene.contents, asking=asking, is_heard=True)
        if asking is Asking.IN_WORDS or not answer.requests:
            return None
        choice = scene.routing.choose_peer(answer.requests, agent.transfers)
        done = await scene.call_tools(agent, choice.tool_calls)
        if choice.taken is not None:
            done.append((choice.taken.asked, transferred(choice.taken)))
        scene.contents += [answer.content, answered(choice, answer.requests, done)]
        if choice.taken is not None:
            return choice.taken.agent
