"""An agent of the coordinator and handoff modes as the nodes of a workflow ask it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from google.adk.agents.context import Context
from google.adk.events.event import Event
from google.adk.workflow import FunctionNode
from google.genai.types import Content

from cadence.engine.anchors import anchor_agent
from cadence.engine.backends.google_adk.asking import Answer, Asked, Hear, Question
from cadence.engine.backends.google_adk.playing import Playing, scene_of
from cadence.engine.backends.google_adk.translate import offer, offer_own, results
from cadence.engine.errors import ModelAnswerInvalid
from cadence.engine.models.google_adk.models import AdkModel
from cadence.engine.models.google_adk.requests import Calling
from cadence.engine.routing import Asking, Choice, TurnRouting
from cadence.engine.spec import AgentSpec, Limits, ToolSpec
from cadence.engine.tool_calls import ToolRequest, by_model_name
from cadence.engine.tools import ToolOutcome
from cadence.engine.transfers import TransferTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent: its prompt, its tools, and its model for both ways of asking."""

    name: str
    prompt: Callable[[datetime], str]
    tools: Mapping[str, ToolSpec]
    transfers: TransferTools
    asked: Mapping[Asking, Asked]


@dataclass(slots=True, kw_only=True)
class AgentScene:
    """One turn on its way through a workflow of agents.

    `opening` is the conversation before it; `contents` is that which agents share, and grows.
    `nodes` are the workflow's names of agents. `choice` is what became of the last answer's
    `requests` while an agent works on one of them.
    """

    agents: Mapping[str, Agent]
    nodes: Mapping[str, str]
    opening: Sequence[Content]
    is_parallel: bool
    routing: TurnRouting
    playing: Playing
    contents: list[Content]
    requests: Sequence[ToolRequest] = ()
    choice: Choice = field(default_factory=Choice)

    async def ask(
        self,
        agent: Agent,
        contents: Sequence[Content],
        *,
        asking: Asking = Asking.FREELY,
        is_heard: bool,
    ) -> Answer:
        """Put a conversation to an agent; the client hears it as it speaks when `is_heard`.

        Raises `ModelAnswerInvalid` when it was to answer in words and has none.
        """
        playing = self.playing
        question = Question(
            asked=agent.asked[asking],
            prompt=anchor_agent(agent.prompt(playing.now), agent.name, playing.turn.anchors),
            contents=contents,
            hear=self._hear(agent) if is_heard else None,
        )
        answer = await playing.ask(question)
        if asking is Asking.IN_WORDS and not answer.text.strip():
            raise ModelAnswerInvalid
        return answer

    async def call_tools(
        self, agent: Agent, requests: Sequence[ToolRequest]
    ) -> list[tuple[ToolRequest, ToolOutcome]]:
        """Call tools that an agent asked for; it can reach none but its own."""
        own = self.playing.tools.only(agent.tools)
        outcomes = await own.call_all(requests, agent=agent.name, parallel=self.is_parallel)
        self.routing.keep(requests, outcomes)
        return list(zip(requests, outcomes, strict=True))

    def _hear(self, agent: Agent) -> Hear:
        async def hear(text: str) -> None:
            await self.playing.events.say(text, agent=agent.name)

        return hear


# Returns the name of the agent that follows; None leaves it to the only one that can, or ends.
Act = Callable[[AgentScene, Agent], Awaitable[str | None]]


def build_agent(
    name: str,
    *,
    prompt: Callable[[datetime], str],
    tools: AgentSpec | None,
    transfers: TransferTools,
    model: AdkModel,
    limits: Limits,
) -> Agent:
    """Bind an agent to its own tools, those of a plugin and its transfers."""
    own = by_model_name([tools] if tools else [])
    offers = [*map(offer, own.values()), *map(offer_own, transfers.tools)]
    seconds = min(model.spec.timeout, limits.supervisor_timeout)
    ways = {Asking.FREELY: Calling.FREE, Asking.IN_WORDS: Calling.WORDS_ONLY}
    return Agent(
        name=name,
        prompt=prompt,
        tools=own,
        transfers=transfers,
        asked={
            asking: Asked(model=model, offered=model.offered(offers, calling), seconds=seconds)
            for asking, calling in ways.items()
        },
    )


def acting(agent: str, node: str, act: Act) -> FunctionNode:
    """Build the node at which an agent acts."""

    async def run(ctx: Context) -> Event | None:
        scene = scene_of(ctx, AgentScene)
        with scene.playing.events.acting(agent):
            following = await act(scene, scene.agents[agent])
        return None if following is None else Event(route=scene.nodes[following])

    return FunctionNode(func=run, name=node)


def answered(
    choice: Choice,
    requests: Sequence[ToolRequest],
    done: Sequence[tuple[ToolRequest, ToolOutcome]] = (),
) -> Content:
    """Return the result of every request of an answer, in their order."""
    return results(zip(requests, choice.outcomes(requests, done), strict=True))
