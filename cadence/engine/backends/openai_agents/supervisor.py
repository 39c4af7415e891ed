"""The supervisor mode on the Agents SDK: seven nodes, six of them agents that are asked once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents import Agent, FunctionTool, RunContextWrapper

from cadence.engine.anchors import Anchors, anchor_node
from cadence.engine.backends.openai_agents.asking import Question
from cadence.engine.backends.openai_agents.reading import Answer, Hear
from cadence.engine.backends.openai_agents.runtime import Playing
from cadence.engine.backends.openai_agents.translate import (
    Instruct,
    Items,
    build_agent,
    conversation,
    from_user,
    has_tool_results,
    offer,
    offer_own,
    result,
)
from cadence.engine.contract import Graph
from cadence.engine.drawing import draw
from cadence.engine.errors import ModelAnswerInvalid
from cadence.engine.models.openai_agents.chat_models import Asked, ChatModel
from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import (
    DEFAULT_PROMPTS,
    Placeholder,
    describe_plugins,
    describe_time,
    render,
)
from cadence.engine.spec import ModelSpec, NodeSpec, OrchestratorSpec
from cadence.engine.supervision import ANSWERING_NODES, CONTROL_TOOLS, REPORT_VERDICT, ROUTES
from cadence.engine.supervisor_turn import SupervisorTurn
from cadence.engine.tool_calls import ToolRequest


@dataclass(frozen=True, slots=True)
class Filling:
    """What a node's prompt is made from in one turn, besides its own text."""

    values: Mapping[Placeholder, str]
    anchors: Anchors


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAgents:
    """One node's agent and the seconds one call of it may take.

    `after_tools` is for a conversation that holds tool calls.
    """

    seconds: float
    spec: ModelSpec
    agent: Agent[Filling]
    after_tools: Agent[Filling]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """An orchestrator in supervisor mode; holds nothing of any turn."""

    spec: OrchestratorSpec
    nodes: Mapping[SupervisorNode, NodeAgents]
    plugins: str

    async def play(self, playing: Playing) -> None:
        """Play one turn, from node to node."""
        visit = _Visit(self, playing)
        node: str | None = SupervisorNode.SUPERVISOR
        while node is not None:
            with playing.events.acting(str(node)):
                node = await _STEPS[node].take(visit)


class _Visit:
    """One turn on its way through the nodes."""

    def __init__(self, supervisor: Supervisor, playing: Playing) -> None:
        self._supervisor = supervisor
        self.playing = playing
        self.turn = SupervisorTurn(supervisor.spec)
        self.requests: Sequence[ToolRequest] = ()
        self.conversation: Items = conversation(playing.turn)

    @property
    def may_call_at_once(self) -> bool:
        return self._supervisor.spec.limits.parallel_tool_calls

    async def ask(self, node: SupervisorNode, hear: Hear | None = None) -> Answer:
        """Put the conversation to the node's agent."""
        agents = self._supervisor.nodes[node]
        is_after_tools = has_tool_results(self.conversation)
        question = Question(
            spec=agents.spec,
            agent=agents.after_tools if is_after_tools else agents.agent,
            items=self.conversation,
            context=self._filling(),
            hear=hear,
        )
        return await self.playing.ask(question, seconds=agents.seconds)

    def _filling(self) -> Filling:
        values = {
            Placeholder.CURRENT_TIME: describe_time(self.playing.now),
            Placeholder.PLUGINS: self._supervisor.plugins,
            Placeholder.FAILURES: self.turn.failures,
        }
        return Filling(values, self.playing.turn.anchors)


Act = Callable[[_Visit], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class _Step:
    """What is done at a node, and where it may lead."""

    act: Act
    leads_to: tuple[str, ...] = ()

    async def take(self, visit: _Visit) -> str | None:
        """Act and return the next node, None at the end; never one that the graph does not show."""
        following = await self.act(visit)
        if following is not None and following not in self.leads_to:
            raise AssertionError(f"{following} is not in the graph")
        return following


def build_supervisor(spec: OrchestratorSpec, models: Sequence[ChatModel]) -> Supervisor:
    """Bind the spec's tools to the spec's models; `models` are those of `spec.models`."""
    plugins = [offer(tool) for agent in spec.agents for tool in agent.tools]
    return Supervisor(
        spec=spec,
        nodes={node: _node_agents(node, spec, models, plugins=plugins) for node in SupervisorNode},
        plugins=describe_plugins(spec.agents),
    )


def shape() -> Graph:
    """Return the shape of every orchestrator in this mode."""
    steps = {str(node): [str(next_) for next_ in step.leads_to] for node, step in _STEPS.items()}
    ends = [str(node) for node in ANSWERING_NODES]
    return draw(steps, entry=str(SupervisorNode.SUPERVISOR), ends=ends, titles={})


def _node_agents(
    node: SupervisorNode,
    spec: OrchestratorSpec,
    models: Sequence[ChatModel],
    *,
    plugins: Sequence[FunctionTool],
) -> NodeAgents:
    given = spec.nodes.get(node, NodeSpec())
    wanted = given.model or spec.model
    model = next(one for one in models if one.spec == wanted)
    instruct = _instructions(given.prompt or DEFAULT_PROMPTS[node].text)
    asked = _asked(node, model, plugins, parallel=spec.limits.parallel_tool_calls)
    agent, *after_tools = (build_agent(str(node), instruct, each) for each in asked)
    return NodeAgents(
        seconds=min(wanted.timeout, spec.limits.supervisor_timeout),
        spec=wanted,
        agent=agent,
        after_tools=after_tools[0] if after_tools else agent,
    )


def _instructions(template: str) -> Instruct:
    def instruct(wrapper: RunContextWrapper[Any], _: Agent[Any]) -> str:
        filling: Filling = wrapper.context
        return anchor_node(render(template, filling.values), filling.anchors)

    return instruct


def _asked(
    node: SupervisorNode, model: ChatModel, plugins: Sequence[FunctionTool], *, parallel: bool
) -> tuple[Asked, ...]:
    """Return how the node's model is asked; the second way, if any, is after tools were called."""
    match node:
        case SupervisorNode.SUPERVISOR:
            routes = [offer_own(tool) for _, tool in ROUTES.values()]
            return (model.free([*plugins, *routes], parallel=parallel),)
        case SupervisorNode.VALIDATION:
            return (model.bound_to(offer_own(REPORT_VERDICT)),)
        case _:
            plain, in_words = model.plain(), model.in_words(plugins)
            return (plain, in_words) if in_words.tools else (plain,)


async def _supervise(visit: _Visit) -> str:
    visit.turn.take_hop()
    answer = await visit.ask(SupervisorNode.SUPERVISOR)
    following = visit.turn.after_supervisor(answer.requests)
    if following == CONTROL_TOOLS:
        visit.requests = answer.requests
        visit.conversation += answer.items
    # Else another agent writes the answer, from the same conversation.
    return following


async def _control_tools(visit: _Visit) -> str:
    outcomes = await visit.playing.tools.call_all(
        visit.turn.calls, agent=CONTROL_TOOLS, parallel=visit.may_call_at_once
    )
    answered = zip(visit.requests, visit.turn.keep(outcomes), strict=True)
    visit.conversation += [result(request, outcome) for request, outcome in answered]
    return SupervisorNode.VALIDATION


async def _validate(visit: _Visit) -> str:
    said = None
    if visit.turn.wants_verdict:
        answer = await visit.ask(SupervisorNode.VALIDATION)
        said = answer.requests[0].arguments if answer.requests else None
    following, objection = visit.turn.after_validation(said)
    if objection is not None:
        visit.conversation.append(from_user(objection))
    return following


def _answering(node: SupervisorNode) -> Act:
    async def answer(visit: _Visit) -> None:
        async def hear(text: str) -> None:
            await visit.playing.events.say(text, agent=str(node))

        said = await visit.ask(node, hear)
        if not said.text.strip():
            raise ModelAnswerInvalid

    return answer


_STEPS: Mapping[str, _Step] = {
    SupervisorNode.SUPERVISOR: _Step(
        _supervise,
        (
            CONTROL_TOOLS,
            SupervisorNode.SYNTHESIZER,
            SupervisorNode.FACILITATOR,
            SupervisorNode.CONVERSATIONAL,
        ),
    ),
    CONTROL_TOOLS: _Step(_control_tools, (SupervisorNode.VALIDATION,)),
    SupervisorNode.VALIDATION: _Step(
        _validate,
        (SupervisorNode.SUPERVISOR, SupervisorNode.SYNTHESIZER, SupervisorNode.ERROR_HANDLER),
    ),
    **{node: _Step(_answering(node)) for node in ANSWERING_NODES},
}
