"""The supervisor mode as an ADK workflow: seven nodes that every orchestrator of this mode shares.

The nodes are functions and not `LlmAgent`s, here as in the other modes. An agent of ADK's adds
words of its own to the prompt, quotes what other agents did as "For context:", and merges the
results of calls into one event; the story that all backends tell needs the prompt to the letter,
every call beside its result, and each tool's end when it ends. So ADK's workflow routes and ADK's
models are asked, and what is said to them is ours.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from google.adk.agents.context import Context
from google.adk.events.event import Event
from google.adk.workflow import START, FunctionNode, Workflow
from google.genai.types import Content, FunctionDeclaration

from cadence.engine.anchors import anchor_node
from cadence.engine.backends.google_adk.asking import Answer, Asked, Hear, Question
from cadence.engine.backends.google_adk.playing import Playing, scene_of
from cadence.engine.backends.google_adk.translate import (
    by_user,
    conversation,
    offer,
    offer_own,
    results,
)
from cadence.engine.errors import ModelAnswerInvalid
from cadence.engine.models.google_adk.models import AdkModel
from cadence.engine.models.google_adk.requests import Calling
from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import (
    DEFAULT_PROMPTS,
    Placeholder,
    describe_plugins,
    describe_time,
    render,
)
from cadence.engine.spec import NodeSpec, OrchestratorSpec
from cadence.engine.supervision import ANSWERING_NODES, CONTROL_TOOLS, REPORT_VERDICT, ROUTES
from cadence.engine.supervisor_turn import SupervisorTurn
from cadence.engine.tool_calls import ToolRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node's prompt, and its model with what that is offered."""

    prompt: str
    asked: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """An orchestrator in supervisor mode; holds nothing of any turn."""

    spec: OrchestratorSpec
    nodes: Mapping[SupervisorNode, Node]
    plugins: str

    def enter(self, playing: Playing) -> "SupervisorScene":
        """Return what a turn enters the workflow with."""
        return SupervisorScene(self, playing)


class SupervisorScene:
    """One turn on its way through the shared workflow."""

    def __init__(self, supervisor: Supervisor, playing: Playing) -> None:
        self._supervisor = supervisor
        self.playing = playing
        self.turn = SupervisorTurn(supervisor.spec)
        self.contents: list[Content] = conversation(playing.turn)
        self.requests: Sequence[ToolRequest] = ()

    @property
    def may_call_at_once(self) -> bool:
        """Whether tools may run at the same time."""
        return self._supervisor.spec.limits.parallel_tool_calls

    async def ask(self, node: SupervisorNode, hear: Hear | None = None) -> Answer:
        """Put the conversation to the node's model under the node's prompt."""
        given = self._supervisor.nodes[node]
        prompt = self._prompt(given.prompt, self.playing.now)
        question = Question(asked=given.asked, prompt=prompt, contents=self.contents, hear=hear)
        return await self.playing.ask(question)

    def _prompt(self, template: str, now: datetime) -> str:
        prompt = render(
            template,
            {
                Placeholder.CURRENT_TIME: describe_time(now),
                Placeholder.PLUGINS: self._supervisor.plugins,
                Placeholder.FAILURES: self.turn.failures,
            },
        )
        return anchor_node(prompt, self.playing.turn.anchors)


# Returns the name of the node that follows; None leaves it to the only one that can.
_Act = Callable[[SupervisorScene], Awaitable[str | None]]


def build_supervisor(spec: OrchestratorSpec, models: Sequence[AdkModel]) -> Supervisor:
    """Bind the spec's tools to the spec's models; `models` are those of `spec.models`."""
    plugins = [offer(tool) for agent in spec.agents for tool in agent.tools]
    return Supervisor(
        spec=spec,
        nodes={node: _bound(node, plugins, spec=spec, models=models) for node in SupervisorNode},
        plugins=describe_plugins(spec.agents),
    )


def build_workflow() -> Workflow:
    """Build the workflow; what differs from orchestrator to orchestrator comes with each turn."""
    supervisor = _node(SupervisorNode.SUPERVISOR, _supervise)
    control_tools = _node(CONTROL_TOOLS, _control_tools)
    validation = _node(SupervisorNode.VALIDATION, _validate)
    answering = {str(node): _node(node, _answering(node)) for node in ANSWERING_NODES}
    error_handler = answering.pop(SupervisorNode.ERROR_HANDLER)
    synthesizer = answering[SupervisorNode.SYNTHESIZER]
    return Workflow(
        name="supervisor_mode",
        edges=[
            (START, supervisor, {CONTROL_TOOLS: control_tools, **answering}),
            (
                control_tools,
                validation,
                {
                    supervisor.name: supervisor,
                    synthesizer.name: synthesizer,
                    error_handler.name: error_handler,
                },
            ),
        ],
    )


def _bound(
    node: SupervisorNode,
    plugins: Sequence[FunctionDeclaration],
    *,
    spec: OrchestratorSpec,
    models: Sequence[AdkModel],
) -> Node:
    given = spec.nodes.get(node, NodeSpec())
    wanted = given.model or spec.model
    model = next(model for model in models if model.spec == wanted)
    asked = Asked(
        model=model,
        offered=model.offered(*_offer(node, plugins)),
        seconds=min(wanted.timeout, spec.limits.supervisor_timeout),
    )
    return Node(prompt=given.prompt or DEFAULT_PROMPTS[node].text, asked=asked)


def _offer(
    node: SupervisorNode, plugins: Sequence[FunctionDeclaration]
) -> tuple[Sequence[FunctionDeclaration], Calling]:
    match node:
        case SupervisorNode.SUPERVISOR:
            return [*plugins, *(offer_own(tool) for _, tool in ROUTES.values())], Calling.FREE
        case SupervisorNode.VALIDATION:
            return [offer_own(REPORT_VERDICT)], Calling.FORCED
        case _:
            return plugins, Calling.WORDS_ONLY


def _node(name: str, act: _Act) -> FunctionNode:
    async def node(ctx: Context) -> Event | None:
        scene = scene_of(ctx, SupervisorScene)
        with scene.playing.events.acting(str(name)):
            following = await act(scene)
        return None if following is None else Event(route=str(following))

    return FunctionNode(func=node, name=str(name))


async def _supervise(scene: SupervisorScene) -> str:
    scene.turn.take_hop()
    answer = await scene.ask(SupervisorNode.SUPERVISOR)
    following = scene.turn.after_supervisor(answer.requests)
    # Where another agent writes the answer, it does so from the same conversation.
    if following == CONTROL_TOOLS:
        scene.requests = answer.requests
        scene.contents.append(answer.content)
    return following


async def _control_tools(scene: SupervisorScene) -> None:
    outcomes = await scene.playing.tools.call_all(
        scene.turn.calls, agent=CONTROL_TOOLS, parallel=scene.may_call_at_once
    )
    answered = zip(scene.requests, scene.turn.keep(outcomes), strict=True)
    scene.contents.append(results(answered))


async def _validate(scene: SupervisorScene) -> str:
    said = None
    if scene.turn.wants_verdict:
        answer = await scene.ask(SupervisorNode.VALIDATION)
        said = answer.requests[0].arguments if answer.requests else None
    following, objection = scene.turn.after_validation(said)
    if objection is not None:
        scene.contents.append(by_user(objection))
    return following


def _answering(node: SupervisorNode) -> _Act:
    async def answer(scene: SupervisorScene) -> None:
        async def hear(text: str) -> None:
            await scene.playing.events.say(text, agent=str(node))

        said = await scene.ask(node, hear)
        if not said.text.strip():
            raise ModelAnswerInvalid

    return answer
