"""The coordinator mode on the Agents SDK: one agent routes, each plugin's agent reports to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from cadence.engine.agent_prompts import coordinator_prompt, plugin_agent_prompt
from cadence.engine.backends.openai_agents.members import (
    Member,
    MembersTurn,
    build_member,
    results,
)
from cadence.engine.backends.openai_agents.reading import Answer
from cadence.engine.backends.openai_agents.runtime import Playing
from cadence.engine.backends.openai_agents.translate import Items, from_user
from cadence.engine.contract import Graph
from cadence.engine.drawing import draw
from cadence.engine.models.openai_agents.chat_models import ChatModel
from cadence.engine.routing import COORDINATOR, Asking, Choice
from cadence.engine.spec import AgentSpec, Limits, OrchestratorSpec
from cadence.engine.transfers import Transfer, Transferring, transfer_tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinator:
    """An orchestrator in coordinator mode; holds nothing of any turn."""

    members: Mapping[str, Member]
    titles: Mapping[str, str]
    limits: Limits

    async def play(self, playing: Playing) -> None:
        """Play one turn: the coordinator routes until it answers."""
        turn = MembersTurn(playing, self.members, self.limits)
        items = list(turn.opening)
        while (routed := await _coordinate(turn, items)) is not None:
            answer, choice, transfer = routed
            report = turn.routing.report(transfer.agent, await _work(turn, transfer))
            items += results(choice, answer.requests, [(transfer.asked, report)])

    def shape(self) -> Graph:
        """Return who may follow whom."""
        workers = list(self.members[COORDINATOR].transfers.agents.values())
        steps = {COORDINATOR: workers, **{worker: [COORDINATOR] for worker in workers}}
        return draw(steps, entry=COORDINATOR, ends=[COORDINATOR], titles=self.titles)


def build_coordinator(spec: OrchestratorSpec, model: ChatModel) -> Coordinator:
    """Bind the coordinator to its transfers and each plugin's agent to its tools."""
    coordinator = build_member(
        COORDINATOR,
        prompt=lambda now: coordinator_prompt(spec.agents, now=now),
        tools=None,
        transfers=transfer_tools(spec.agents, Transferring.AND_BACK),
        model=model,
        limits=spec.limits,
    )
    members = (coordinator, *(_worker(agent, spec, model) for agent in spec.agents))
    return Coordinator(
        members={member.name: member for member in members},
        titles={agent.name: agent.title for agent in spec.agents},
        limits=spec.limits,
    )


def _worker(agent: AgentSpec, spec: OrchestratorSpec, model: ChatModel) -> Member:
    return build_member(
        agent.name,
        prompt=lambda now: plugin_agent_prompt(agent, now=now),
        tools=agent,
        transfers=transfer_tools((), Transferring.AND_BACK),
        model=model,
        limits=spec.limits,
    )


async def _coordinate(turn: MembersTurn, items: Items) -> tuple[Answer, Choice, Transfer] | None:
    """Let the coordinator act and add what it says to `items`; returns its transfer, if any."""
    member = turn.members[COORDINATOR]
    with turn.playing.events.acting(COORDINATOR):
        while True:
            asking = turn.routing.next_asking()
            answer = await turn.ask(member, items, asking=asking, is_heard=True)
            if asking is Asking.IN_WORDS or not answer.requests:
                return None
            items += answer.items
            choice = turn.routing.choose_agent(answer.requests, member.transfers)
            if choice.taken is not None:
                return answer, choice, choice.taken
            items += results(choice, answer.requests)


async def _work(turn: MembersTurn, transfer: Transfer) -> str | None:
    """Return what the agent reports, or None when it may not be asked any more."""
    member = turn.members[transfer.agent]
    briefing = turn.routing.briefing(transfer.request)
    items = [*turn.opening, *([] if briefing is None else [from_user(briefing)])]
    with turn.playing.events.acting(member.name):
        while turn.routing.next_asking() is Asking.FREELY:
            answer = await turn.ask(member, items, is_heard=False)
            if not answer.requests:
                return answer.text
            done = await turn.call_tools(member, answer.requests)
            items += [*answer.items, *results(Choice(), answer.requests, done)]
    return None
