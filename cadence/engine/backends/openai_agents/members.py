"""An agent of the coordinator and handoff modes as it is asked in the Agents SDK."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents import Agent, RunContextWrapper

from cadence.engine.anchors import anchor_agent
from cadence.engine.backends.openai_agents.asking import Question
from cadence.engine.backends.openai_agents.reading import Answer, Hear
from cadence.engine.backends.openai_agents.runtime import Playing
from cadence.engine.backends.openai_agents.translate import (
    Instruct,
    Items,
    build_agent,
    conversation,
    has_tool_results,
    offer,
    offer_own,
    result,
)
from cadence.engine.errors import ModelAnswerInvalid
from cadence.engine.models.openai_agents.chat_models import ChatModel
from cadence.engine.routing import Asking, Choice, TurnRouting
from cadence.engine.spec import AgentSpec, Limits, ModelSpec, ToolSpec
from cadence.engine.tool_calls import ToolRequest, by_model_name
from cadence.engine.tools import ToolOutcome
from cadence.engine.transfers import TransferTools

Prompt = Callable[[datetime], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One agent: itself as it is asked freely, its tools, and the seconds one call may take.

    `in_words` is for the last answer of a turn, `in_words_after_tools` for a conversation that
    holds tool calls.
    """

    name: str
    tools: Mapping[str, ToolSpec]
    transfers: TransferTools
    seconds: float
    spec: ModelSpec
    freely: Agent[Any]
    in_words: Agent[Any]
    in_words_after_tools: Agent[Any]

    def asked(self, asking: Asking, items: Items) -> Agent[Any]:
        """Return the agent bound for this way of asking."""
        if asking is Asking.FREELY:
            return self.freely
        return self.in_words_after_tools if has_tool_results(items) else self.in_words


class MembersTurn:
    """One turn that agents share; `opening` is the conversation before it.

    `holder` is who has the conversation, in handoff mode.
    """

    def __init__(self, playing: Playing, members: Mapping[str, Member], limits: Limits) -> None:
        self.playing = playing
        self.members = members
        self.routing = TurnRouting(limits)
        self.opening: Items = conversation(playing.turn)
        self.holder = ""
        self._is_parallel = limits.parallel_tool_calls

    async def ask(
        self, member: Member, items: Items, *, asking: Asking = Asking.FREELY, is_heard: bool
    ) -> Answer:
        """Put the conversation to an agent; the client hears it as it speaks when `is_heard`.

        Raises `ModelAnswerInvalid` when it was to answer in words and has none.
        """
        question = Question(
            spec=member.spec,
            agent=member.asked(asking, items),
            items=items,
            context=self,
            hear=self.hear(member) if is_heard else None,
        )
        answer = await self.playing.ask(question, seconds=member.seconds)
        return checked(answer, asking)

    async def call_tools(
        self, member: Member, requests: Sequence[ToolRequest]
    ) -> list[tuple[ToolRequest, ToolOutcome]]:
        """Call tools that an agent asked for; it can reach none but its own."""
        own = self.playing.tools.only(member.tools)
        outcomes = await own.call_all(requests, agent=member.name, parallel=self._is_parallel)
        self.routing.keep(requests, outcomes)
        return list(zip(requests, outcomes, strict=True))

    def hear(self, member: Member) -> Hear:
        """Return who tells the client what an agent says."""

        async def hear(text: str) -> None:
            await self.playing.events.say(text, agent=member.name)

        return hear


def build_member(
    name: str,
    *,
    prompt: Prompt,
    tools: AgentSpec | None,
    transfers: TransferTools,
    model: ChatModel,
    limits: Limits,
) -> Member:
    """Bind an agent's tools to the model; `tools` is the plugin whose tools it has, if any."""
    own = by_model_name(() if tools is None else (tools,))
    offers = [*map(offer, own.values()), *map(offer_own, transfers.tools)]
    after_tools = model.in_words(offers)
    instruct = _instructions(name, prompt)
    in_words = build_agent(name, instruct, model.plain())
    return Member(
        name=name,
        tools=own,
        transfers=transfers,
        seconds=min(model.spec.timeout, limits.supervisor_timeout),
        spec=model.spec,
        freely=build_agent(name, instruct, model.free(offers, parallel=limits.parallel_tool_calls)),
        in_words=in_words,
        in_words_after_tools=build_agent(name, instruct, after_tools)
        if after_tools.tools
        else in_words,
    )


def checked(answer: Answer, asking: Asking) -> Answer:
    """Return the answer; raises `ModelAnswerInvalid` for one that lacks the words asked for."""
    if asking is Asking.IN_WORDS and not answer.text.strip():
        raise ModelAnswerInvalid
    return answer


def results(
    choice: Choice,
    requests: Sequence[ToolRequest],
    done: Sequence[tuple[ToolRequest, ToolOutcome]] = (),
) -> Items:
    """Return the result of every request of an answer, in their order."""
    outcomes = choice.outcomes(requests, done)
    return [result(request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]


def _instructions(name: str, prompt: Prompt) -> Instruct:
    def instruct(wrapper: RunContextWrapper[Any], _: Agent[Any]) -> str:
        playing: Playing = wrapper.context.playing
        return anchor_agent(prompt(playing.now), name, playing.turn.anchors)

    return instruct
