"""Binds the supervisor's nodes to an orchestrator's models, tools and prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadence.engine.backends.langgraph.translate import offer, offer_own
from cadence.engine.models.langchain.chat_models import Asked, ChatModel
from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import DEFAULT_PROMPTS, describe_plugins
from cadence.engine.spec import Limits, ModelSpec, NodeSpec, OrchestratorSpec
from cadence.engine.supervision import REPORT_VERDICT, ROUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeModel:
    """One node's prompt and model, and the seconds it may take.

    `after_tools` is for a conversation that holds tool calls.
    """

    prompt: str
    seconds: float
    spec: ModelSpec
    asked: Asked
    after_tools: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one orchestrator brings to the shared graph; holds nothing of any turn."""

    nodes: Mapping[SupervisorNode, NodeModel]
    plugins: str
    limits: Limits
    validates_all: bool
    validated_tools: frozenset[str]


def build_parts(spec: OrchestratorSpec, models: Sequence[ChatModel]) -> Parts:
    """Bind the spec's tools to the spec's models; `models` are those of `spec.models`."""
    nodes = {node: _node_model(node, spec, models) for node in SupervisorNode}
    tools = [tool for agent in spec.agents for tool in agent.tools]
    return Parts(
        nodes=nodes,
        plugins=describe_plugins(spec.agents),
        limits=spec.limits,
        validates_all=spec.use_llm_validation,
        validated_tools=frozenset(tool.model_name for tool in tools if tool.needs_validation),
    )


def _node_model(
    node: SupervisorNode, spec: OrchestratorSpec, models: Sequence[ChatModel]
) -> NodeModel:
    given = spec.nodes.get(node, NodeSpec())
    wanted = given.model or spec.model
    model = next(model for model in models if model.spec == wanted)
    asked, after_tools = _asked(node, spec, model)
    prompt = given.prompt or DEFAULT_PROMPTS[node].text
    seconds = min(wanted.timeout, spec.limits.supervisor_timeout)
    return NodeModel(
        prompt=prompt, seconds=seconds, spec=wanted, asked=asked, after_tools=after_tools
    )


def _asked(node: SupervisorNode, spec: OrchestratorSpec, model: ChatModel) -> tuple[Asked, Asked]:
    plugins = [offer(tool) for agent in spec.agents for tool in agent.tools]
    match node:
        case SupervisorNode.SUPERVISOR:
            routes = [offer_own(tool) for _, tool in ROUTES.values()]
            free = model.free([*plugins, *routes], parallel=spec.limits.parallel_tool_calls)
            return free, free
        case SupervisorNode.VALIDATION:
            bound = model.bound_to(offer_own(REPORT_VERDICT))
            return bound, bound
        case _:
            return model.chat, model.in_words(plugins)
