"""An agent of the coordinator and handoff modes as LangGraph's nodes ask it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from langchain_core.messages import BaseMessage, SystemMessage, ToolMessage

from cadence.engine.anchors import Anchors, anchor_agent
from cadence.engine.backends.langgraph.asking import Answer, Hear, Question
from cadence.engine.backends.langgraph.translate import (
    has_tool_results,
    offer,
    offer_own,
    result,
)
from cadence.engine.contract import UsageMeter
from cadence.engine.errors import ModelAnswerInvalid
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.langchain.chat_models import Asked, ChatModel
from cadence.engine.routing import Asking, Choice, TurnRouting
from cadence.engine.spec import AgentSpec, Limits, ModelSpec, ToolSpec
from cadence.engine.tool_calls import ToolCalls, ToolRequest, by_model_name
from cadence.engine.tools import ToolOutcome
from cadence.engine.transfers import TransferTools
from cadence.engine.turn_events import TurnEvents


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent: its prompt, its tools, its model and the seconds one call of it may take.

    `in_words` is for the last answer of a turn, `in_words_after_tools` for a conversation that
    holds tool calls.
    """

    name: str
    prompt: Callable[[datetime], str]
    tools: Mapping[str, ToolSpec]
    transfers: TransferTools
    seconds: float
    spec: ModelSpec
    freely: Asked
    in_words: Asked
    in_words_after_tools: Asked

    def asked(self, asking: Asking, conversation: Sequence[BaseMessage]) -> Asked:
        """Return the model bound for this way of asking."""
        if asking is Asking.FREELY:
            return self.freely
        return self.in_words_after_tools if has_tool_results(conversation) else self.in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTurn:
    """What one turn brings to a shared graph of agents; `opening` is the conversation before it."""

    agents: Mapping[str, Agent]
    opening: Sequence[BaseMessage]
    anchors: Anchors
    is_parallel: bool
    routing: TurnRouting
    events: TurnEvents
    tools: ToolCalls
    calls: ModelCalls
    meter: UsageMeter
    now: datetime

    async def ask(
        self,
        agent: Agent,
        conversation: Sequence[BaseMessage],
        *,
        asking: Asking = Asking.FREELY,
        is_heard: bool,
    ) -> Answer:
        """Put the conversation to an agent; the client hears it as it speaks when `is_heard`.

        Raises `ModelAnswerInvalid` when it was to answer in words and has none.
        """
        prompt = anchor_agent(agent.prompt(self.now), agent.name, self.anchors)
        question = Question(
            spec=agent.spec,
            asked=agent.asked(asking, conversation),
            messages=[SystemMessage(prompt), *conversation],
            hear=self._hear(agent) if is_heard else None,
        )
        answer = await question.put(self.calls, seconds=agent.seconds, meter=self.meter)
        if asking is Asking.IN_WORDS and not answer.text.strip():
            raise ModelAnswerInvalid
        return answer

    async def call_tools(
        self, agent: Agent, requests: Sequence[ToolRequest]
    ) -> list[tuple[ToolRequest, ToolOutcome]]:
        """Call tools that an agent asked for; it can reach none but its own."""
        own = self.tools.only(agent.tools)
        outcomes = await own.call_all(requests, agent=agent.name, parallel=self.is_parallel)
        self.routing.keep(requests, outcomes)
        return list(zip(requests, outcomes, strict=True))

    def _hear(self, agent: Agent) -> Hear:
        async def hear(text: str) -> None:
            await self.events.say(text, agent=agent.name)

        return hear


def build_agent(
    name: str,
    *,
    prompt: Callable[[datetime], str],
    tools: AgentSpec | None,
    transfers: TransferTools,
    model: ChatModel,
    limits: Limits,
) -> Agent:
    """Bind an agent's tools to the model; `tools` is the plugin whose tools it has, if any."""
    own = by_model_name(() if tools is None else (tools,))
    offers = [*map(offer, own.values()), *map(offer_own, transfers.tools)]
    # A list without any tool is refused by providers.
    free = model.free(offers, parallel=limits.parallel_tool_calls) if offers else model.chat
    return Agent(
        name=name,
        prompt=prompt,
        tools=own,
        transfers=transfers,
        seconds=min(model.spec.timeout, limits.supervisor_timeout),
        spec=model.spec,
        freely=free,
        in_words=model.chat,
        in_words_after_tools=model.in_words(offers),
    )


def results(
    choice: Choice,
    requests: Sequence[ToolRequest],
    done: Sequence[tuple[ToolRequest, ToolOutcome]] = (),
) -> list[ToolMessage]:
    """Return the result of every request of an answer, in their order."""
    outcomes = choice.outcomes(requests, done)
    return [result(request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]
