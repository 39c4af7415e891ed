"""The handoff mode on the Agents SDK: one Runner, led from agent to agent by native handoffs."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents import Agent, Handoff, Model, ModelResponse, RunContextWrapper, Runner, Usage, handoff
from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseFunctionToolCall
from typing_extensions import override

from cadence.engine.agent_prompts import handoff_prompt
from cadence.engine.backends.openai_agents.asking import config, in_words, model_of
from cadence.engine.backends.openai_agents.members import (
    Member,
    MembersTurn,
    build_member,
    checked,
    results,
)
from cadence.engine.backends.openai_agents.reading import Answer, read_answer
from cadence.engine.backends.openai_agents.runtime import Playing
from cadence.engine.contract import Graph
from cadence.engine.drawing import draw
from cadence.engine.models.calls import Account, Progress
from cadence.engine.models.openai_agents.chat_models import ChatModel
from cadence.engine.routing import Asking, entry_of, transferred
from cadence.engine.spec import AgentSpec, Limits, OrchestratorSpec
from cadence.engine.supervision import OwnTool
from cadence.engine.transfers import Transfer, Transferring, transfer_tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoffs:
    """An orchestrator in handoff mode; holds nothing of any turn.

    Each member's agent, as it is asked freely, has native handoffs to all others.
    """

    members: Mapping[str, Member]
    entry: str
    titles: Mapping[str, str]
    limits: Limits

    async def play(self, playing: Playing) -> None:
        """Play one turn: whoever answers ends it."""
        turn = MembersTurn(playing, self.members, self.limits)
        turn.holder = self.entry
        await Runner.run(
            self.members[self.entry].freely,
            turn.opening,
            context=turn,
            # Ours is the limit that counts.
            max_turns=None,
            run_config=config(_Holder(turn)),
        )

    def shape(self) -> Graph:
        """Return who may follow whom."""
        steps = {name: _peers(member.freely) for name, member in self.members.items()}
        return draw(steps, entry=self.entry, ends=steps, titles=self.titles)


class _Holder(Model):
    """What the Runner takes for the model: whoever holds the conversation, until it lets go.

    An agent's calls of tools stay in here and only a transfer gets out: when a turn is cancelled,
    the Runner would leave the tools running that it has started.
    """

    def __init__(self, turn: MembersTurn) -> None:
        self._turn = turn
        self._items = list(turn.opening)

    @override
    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        """Let the holder act; returns its transfer to the next one, or the words that end it all.

        The arguments are those for the holder's own model.
        """
        turn = self._turn
        member = turn.members[turn.holder]
        with turn.playing.events.acting(member.name):
            while True:
                asking = turn.routing.next_asking()
                answer = await self._ask(member, asking, given=given, named=named)
                if asking is Asking.IN_WORDS or not answer.requests:
                    return in_words(answer.text)
                choice = turn.routing.choose_peer(answer.requests, member.transfers)
                done = await turn.call_tools(member, choice.tool_calls)
                if choice.taken is not None:
                    done.append((choice.taken.asked, transferred(choice.taken)))
                self._items += [*answer.items, *results(choice, answer.requests, done)]
                if choice.taken is not None:
                    return _handing_over(choice.taken)

    @override
    def stream_response(self, *given: Any, **named: Any) -> AsyncIterator[TResponseStreamEvent]:
        """Stream the holder's own model."""
        holder = self._turn.members[self._turn.holder]
        return model_of(holder.freely).stream_response(*given, **named)

    async def _ask(
        self, member: Member, asking: Asking, *, given: tuple[Any, ...], named: dict[str, Any]
    ) -> Answer:
        turn, playing = self._turn, self._turn.playing
        agent = member.asked(asking, self._items)
        asked = {**named, "input": self._items}
        if asking is Asking.IN_WORDS:
            asked |= {
                "tools": agent.tools,
                "handoffs": [],
                "model_settings": agent.model_settings,
            }

        async def attempt(progress: Progress) -> Answer:
            stream = model_of(agent).stream_response(*given, **asked)
            return await read_answer(stream, self._items, hear=turn.hear(member), progress=progress)

        account = Account(spec=member.spec, meter=playing.meter)
        answer = await playing.calls.make(attempt, seconds=member.seconds, account=account)
        return checked(answer, asking)


def build_handoffs(spec: OrchestratorSpec, model: ChatModel) -> Handoffs:
    """Bind each plugin's agent to its tools and to the transfers to all others.

    Raises `UnsupportedOrchestrator` for an orchestrator without an agent to begin with.
    """
    entry = entry_of(spec).name
    members = {agent.name: _member(agent, spec, model) for agent in spec.agents}
    for member in members.values():
        member.freely.handoffs = [
            _native(tool, members[member.transfers.agents[tool.name]].freely)
            for tool in member.transfers.tools
        ]
    return Handoffs(
        members=members,
        entry=entry,
        titles={agent.name: agent.title for agent in spec.agents},
        limits=spec.limits,
    )


def _member(agent: AgentSpec, spec: OrchestratorSpec, model: ChatModel) -> Member:
    peers = [other for other in spec.agents if other.name != agent.name]
    additions = spec.handoff_instructions
    member = build_member(
        agent.name,
        prompt=lambda now: handoff_prompt(agent, peers, additions=additions, now=now),
        tools=agent,
        transfers=transfer_tools(peers, Transferring.FOR_GOOD),
        model=model,
        limits=spec.limits,
    )
    # The native handoffs take the place of the transfer tools.
    own = [tool for tool in member.freely.tools if tool.name in member.tools]
    return replace(member, freely=member.freely.clone(tools=own))


def _native(tool: OwnTool, to: Agent[Any]) -> Handoff[Any, Agent[Any]]:
    def take(wrapper: RunContextWrapper[MembersTurn]) -> None:
        wrapper.context.holder = to.name

    native = handoff(
        to,
        tool_name_override=tool.name,
        tool_description_override=tool.description,
        on_handoff=take,
    )
    native.input_json_schema = dict(tool.parameters)
    native.strict_json_schema = False
    return native


def _peers(agent: Agent[Any]) -> list[str]:
    return [native.agent_name for native in agent.handoffs if isinstance(native, Handoff)]


def _handing_over(transfer: Transfer) -> ModelResponse:
    asked = transfer.asked
    call = ResponseFunctionToolCall(
        type="function_call",
        call_id=asked.id,
        name=asked.model_name,
        arguments=json.dumps(dict(asked.arguments or {})),
    )
    return ModelResponse(output=[call], usage=Usage(), response_id=None)
