"""Google ADK without us: its own agents and Runner, on its own adapter for OpenAI's wire."""

from collections.abc import Sequence
from typing import Any, assert_never

import httpx2
from google.adk.agents._streaming_mode import StreamingMode
from google.adk.agents.base_agent import BaseAgent
from google.adk.agents.llm_agent import LlmAgent
from google.adk.agents.run_config import RunConfig
from google.adk.apps.app import App
from google.adk.integrations.openai import OpenAILlm
from google.adk.models.base_llm import BaseLlm
from google.adk.runners import Runner
from google.adk.sessions.in_memory_session_service import InMemorySessionService
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.tool_context import ToolContext
from google.adk.workflow import START, Workflow
from google.genai.types import Content, FunctionDeclaration, Part
from openai import AsyncOpenAI
from typing_extensions import override

from cadence.engine.modes import Mode, SupervisorNode
from cadence.engine.spec import AgentSpec, OrchestratorSpec, ToolSpec
from tests.benchmarks import bare_prompts
from tests.benchmarks.workload import Play, Plugins, safe_name

_APP, _USER = "bare", "user"
_STREAMED = RunConfig(streaming_mode=StreamingMode.SSE)

# Else an agent is told of the others, and transfers.
_ALONE = {"disallow_transfer_to_parent": True, "disallow_transfer_to_peers": True}


class BareGoogleAdk:
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
        model = OpenAILlm(model=spec.model.model, client=client)
        match spec.mode:
            case Mode.SUPERVISOR:
                return _playing(_supervisor(spec, model))
            case Mode.COORDINATOR:
                return _playing(_coordinator(spec, model))
            case Mode.HANDOFF:
                return _playing(_handoff(spec, model))
            case _:
                assert_never(spec.mode)


def _supervisor(spec: OrchestratorSpec, model: BaseLlm) -> Workflow:
    supervisor = LlmAgent(
        name="supervisor",
        model=model,
        instruction=bare_prompts.of_node(SupervisorNode.SUPERVISOR, spec),
        tools=[_Tool(tool) for agent in spec.agents for tool in agent.tools],
        mode="single_turn",
        **_ALONE,
    )
    synthesizer = LlmAgent(
        name="synthesizer",
        model=model,
        instruction=bare_prompts.of_node(SupervisorNode.SYNTHESIZER, spec),
        mode="single_turn",
        **_ALONE,
    )
    return Workflow(name="bare_supervisor", edges=[(START, supervisor, synthesizer)])


def _coordinator(spec: OrchestratorSpec, model: BaseLlm) -> BaseAgent:
    workers: list[BaseAgent] = [
        LlmAgent(
            name=safe_name(agent),
            description=agent.description,
            model=model,
            instruction=bare_prompts.of_worker(agent),
            tools=[_Tool(tool) for tool in agent.tools],
            mode="single_turn",
            **_ALONE,
        )
        for agent in spec.agents
    ]
    return LlmAgent(
        name="coordinator",
        model=model,
        instruction=bare_prompts.of_coordinator(spec),
        sub_agents=workers,
    )


def _handoff(spec: OrchestratorSpec, model: BaseLlm) -> BaseAgent:
    entry, *peers = spec.agents
    below = [_holder(peer, spec, model) for peer in peers]
    return _holder(entry, spec, model, below=below)


def _holder(
    agent: AgentSpec, spec: OrchestratorSpec, model: BaseLlm, *, below: Sequence[BaseAgent] = ()
) -> BaseAgent:
    return LlmAgent(
        name=safe_name(agent),
        description=agent.description,
        model=model,
        instruction=bare_prompts.of_holder(agent, spec),
        tools=[_Tool(tool) for tool in agent.tools],
        sub_agents=list(below),
    )


class _Tool(BaseTool):
    def __init__(self, tool: ToolSpec) -> None:
        super().__init__(name=tool.model_name, description=tool.description)
        self._tool = tool

    @override
    def _get_declaration(self) -> FunctionDeclaration:
        return FunctionDeclaration(
            name=self.name,
            description=self.description,
            parameters_json_schema=dict(self._tool.parameters),
        )

    @override
    async def run_async(self, *, args: dict[str, Any], tool_context: ToolContext) -> Any:
        return (await Plugins().call(self._tool.qualified_name, args))[0]


def _playing(root: BaseAgent | Workflow) -> Play:
    sessions = InMemorySessionService()
    runner = Runner(app=App(name=_APP, root_agent=root), session_service=sessions)

    async def play(message: str) -> str:
        session = await sessions.create_session(app_name=_APP, user_id=_USER)
        asked = Content(role="user", parts=[Part(text=message)])
        said: list[str] = []
        events = runner.run_async(
            user_id=_USER, session_id=session.id, new_message=asked, run_config=_STREAMED
        )
        async for event in events:
            if event.partial and event.content:
                said += [part.text for part in event.content.parts or () if part.text]
        # Else it would be kept for ever.
        await sessions.delete_session(app_name=_APP, user_id=_USER, session_id=session.id)
        return "".join(said)

    return play
