"""The coordinator mode as an ADK workflow: one node routes, each plugin's agent is one node.

ADK would make sub-agents into tools of the coordinator by itself, run all of them at once that one
answer asks for, and tell the end of none before the last. Ours go one at a time, by the routing
that all backends share, and are seen to start and end.
"""

from collections.abc import Mapping

from google.adk.workflow import START, Workflow

from cadence.engine.agent_prompts import coordinator_prompt, plugin_agent_prompt
from cadence.engine.backends.google_adk.agents import (
    Agent,
    AgentScene,
    acting,
    answered,
    build_agent,
)
from cadence.engine.backends.google_adk.translate import by_user
from cadence.engine.models.google_adk.models import AdkModel
from cadence.engine.routing import COORDINATOR, Asking, Choice
from cadence.engine.spec import AgentSpec, OrchestratorSpec
from cadence.engine.transfers import Transfer, Transferring, transfer_tools


def build_workflow(nodes: Mapping[str, str]) -> Workflow:
    """Build the workflow of a coordinator and the agents that have these nodes."""
    coordinator = acting(COORDINATOR, COORDINATOR, _coordinate)
    workers = [acting(agent, node, _report) for agent, node in nodes.items()]
    routes = {worker.name: worker for worker in workers}
    start = (START, coordinator, routes) if routes else (START, coordinator)
    back = [(worker, coordinator) for worker in workers]
    return Workflow(name="coordinator_mode", edges=[start, *back])


def build_agents(spec: OrchestratorSpec, model: AdkModel) -> Mapping[str, Agent]:
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


def _worker(agent: AgentSpec, spec: OrchestratorSpec, model: AdkModel) -> Agent:
    return build_agent(
        agent.name,
        prompt=lambda now: plugin_agent_prompt(agent, now=now),
        tools=agent,
        transfers=transfer_tools((), Transferring.AND_BACK),
        model=model,
        limits=spec.limits,
    )


async def _coordinate(scene: AgentScene, agent: Agent) -> str | None:
    while True:
        asking = scene.routing.next_asking()
        answer = await scene.ask(agent, scene.contents, asking=asking, is_heard=True)
        if asking is Asking.IN_WORDS or not answer.requests:
            return None
        scene.contents.append(answer.content)
        choice = scene.routing.choose_agent(answer.requests, agent.transfers)
        if choice.taken is not None:
            scene.requests, scene.choice = answer.requests, choice
            return choice.taken.agent
        scene.contents.append(answered(choice, answer.requests))


async def _report(scene: AgentScene, agent: Agent) -> None:
    taken = scene.choice.taken
    if taken is None:
        raise AssertionError(f"{agent.name} was not transferred to")
    text = await _work(scene, agent, taken)
    report = scene.routing.report(agent.name, text)
    scene.contents.append(answered(scene.choice, scene.requests, [(taken.asked, report)]))


async def _work(scene: AgentScene, agent: Agent, transfer: Transfer) -> str | None:
    """Return what the agent reports, or None when it may not be asked any more."""
    briefing = scene.routing.briefing(transfer.request)
    contents = [*scene.opening, *([] if briefing is None else [by_user(briefing)])]
    while scene.routing.next_asking() is Asking.FREELY:
        answer = await scene.ask(agent, contents, is_heard=False)
        if not answer.requests:
            return answer.text
        done = await scene.call_tools(agent, answer.requests)
        contents += [answer.content, answered(Choice(), answer.requests, done)]
    return None
