"""The OpenAI Agents SDK without us: its own Runner, agents as tools and handoffs."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, assert_never

import httpx2
import orjson
from agents import (
    Agent,
    AgentToolStreamEvent,
    FunctionTool,
    Model,
    ModelSettings,
    OpenAIChatCompletionsModel,
    RunConfig,
    Runner,
    RunResultStreaming,
    TResponseInputItem,
    handoff,
)
from agents.tool_context import ToolContext
from openai import AsyncOpenAI

from cadence.engine.modes import Mode, SupervisorNode
from cadence.engine.spec import AgentSpec, OrchestratorSpec, ToolSpec
from tests.benchmarks import bare_prompts
from tests.benchmarks.workload import Play, Plugins, safe_name

_UNTRACED = RunConfig(tracing_disabled=True)
_SETTINGS = ModelSettings(include_usage=True)

_Invoke = Callable[[ToolContext[Any], str], Awaitable[object]]


class BareOpenAIAgents:
    """A `Bare` on one shared HTTP client."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    def build(self, spec: OrchestratorSpec) -> Play:
        """Do what `Bare.build` promises."""
        client = AsyncOpenAI(
            api_key=spec.model.api_key,
            base_url=spec.model.base_url,
            http_client=self._http,
            max_retries=0,
        )
        model = OpenAIChatCompletionsModel(spec.model.model, client)
        match spec.mode:
            case Mode.SUPERVISOR:
                return _playing(*_supervisor(spec, model))
            case Mode.COORDINATOR:
                return _playing(_coordinator(spec, model))
            case Mode.HANDOFF:
                return _playing(_handoff(spec, model))
            case _:
                assert_never(spec.mode)


def _supervisor(spec: OrchestratorSpec, model: Model) -> tuple[Agent[Any], ...]:
    tools = [tool for agent in spec.agents for tool in agent.tools]
    supervising = bare_prompts.of_node(SupervisorNode.SUPERVISOR, spec)
    answering = bare_prompts.of_node(SupervisorNode.SYNTHESIZER, spec)
    return (
        _agent("supervisor", model, prompt=supervising, tools=tools),
        _agent("synthesizer", model, prompt=answering),
    )


def _coordinator(spec: OrchestratorSpec, model: Model) -> Agent[Any]:
    coordinator = _agent("coordinator", model, prompt=bare_prompts.of_coordinator(spec))
    coordinator.tools = [
        _agent(
            safe_name(agent), model, prompt=bare_prompts.of_worker(agent), tools=agent.tools
        ).as_tool(
            tool_name=safe_name(agent),
            tool_description=agent.description,
            run_config=_UNTRACED,
            # Without a listener its answers would not be streamed, and ours are.
            on_stream=_listen,
        )
        for agent in spec.agents
    ]
    return coordinator


def _handoff(spec: OrchestratorSpec, model: Model) -> Agent[Any]:
    agents = [_holder(agent, spec, model) for agent in spec.agents]
    for agent in agents:
        agent.handoffs = [handoff(peer) for peer in agents if peer is not agent]
    return agents[0]


def _holder(agent: AgentSpec, spec: OrchestratorSpec, model: Model) -> Agent[Any]:
    prompt = bare_prompts.of_holder(agent, spec)
    return _agent(safe_name(agent), model, prompt=prompt, tools=agent.tools)


def _agent(name: str, model: Model, *, prompt: str, tools: Sequence[ToolSpec] = ()) -> Agent[Any]:
    return Agent(
        name=name,
        instructions=prompt,
        model=model,
        model_settings=_SETTINGS,
        tools=[_tool(tool) for tool in tools],
    )


def _tool(tool: ToolSpec) -> FunctionTool:
    plugins = Plugins()

    async def invoke(_: ToolContext[Any], arguments: str) -> str:
        result, _shown = await plugins.call(tool.qualified_name, orjson.loads(arguments))
        return orjson.dumps(result).decode()

    return FunctionTool(
        name=tool.model_name,
        description=tool.description,
        params_json_schema=dict(tool.parameters),
        on_invoke_tool=invoke,
        strict_json_schema=False,
    )


def _listen(_: AgentToolStreamEvent) -> None:
    """Let a tool that is an agent say what it likes."""


def _playing(*agents: Agent[Any]) -> Play:
    async def play(message: str) -> str:
        said: list[str] = []
        items: list[TResponseInputItem] = [{"role": "user", "content": message}]
        for agent in agents:
            run = Runner.run_streamed(agent, items, run_config=_UNTRACED)
            await _read(run, said)
            items = run.to_input_list()
        return "".join(said)

    return play


async def _read(run: RunResultStreaming, said: list[str]) -> None:
    async for event in run.stream_events():
        if event.type == "raw_response_event":
            data = event.data
            said += [data.delta] if data.type == "response.output_text.delta" else []
