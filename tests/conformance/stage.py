"""Everything one conformance test needs: a model server, plugins, a way to play a turn."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, assert_never

import httpx
import httpx2

from cadence.engine.backends.google_adk.backend import GoogleAdkBackend
from cadence.engine.backends.langgraph.backend import LangGraphBackend
from cadence.engine.backends.openai_agents.backend import OpenAIAgentsBackend
from cadence.engine.contract import Backend, ModelCall, PastMessage, Runtime, Turn, UsageMeter
from cadence.engine.errors import EngineError
from cadence.engine.events import RuntimeEvent, Usage
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.modes import Framework, Mode
from cadence.engine.spec import AgentSpec, Limits, ModelSpec, OrchestratorSpec, Provider
from cadence.engine.tool_names import RESERVED_PREFIXES
from tests.conformance.coordinator_story import CoordinatorStory
from tests.conformance.handoff_story import HandoffStory
from tests.conformance.outlines import answer, outline
from tests.conformance.plugins import MATH, Plugins, agents, invoker
from tests.conformance.stories import Story
from tests.conformance.supervisor_story import SupervisorStory
from tests.fakes.model_server import ModelServer

API_KEY = "sk-conformance-0001"
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class NoonClock:
    def now(self) -> datetime:
        return NOON


@dataclass(frozen=True, slots=True)
class PlainTransports:
    """Clients without the egress guard, for a server on this machine."""

    httpx: httpx.AsyncClient
    httpx2: httpx2.AsyncClient


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the nine."""

    framework: Framework
    mode: Mode

    @property
    def id(self) -> str:
        return f"{self.framework}-{self.mode}"


@dataclass(frozen=True, slots=True)
class Played:
    """A turn that is over."""

    events: tuple[RuntimeEvent, ...]
    error: EngineError | None
    usage: Usage
    calls: tuple[ModelCall, ...]

    @property
    def outline(self) -> list[str]:
        return outline(self.events)

    @property
    def text(self) -> str:
        return answer(self.events)

    @property
    def code(self) -> str | None:
        return None if self.error is None else self.error.code


@dataclass(slots=True)
class Stage:
    """One backend, one model server, and orchestrators of one kind."""

    kind: Kind
    server: ModelServer
    backend: Backend
    plugins: Plugins = field(default_factory=Plugins)

    def story(self, first: str = MATH) -> Story:
        """Begin the story of a turn; `first` is the first plugin of the orchestrator."""
        return story_of(self.kind.mode, first)

    @property
    def results(self) -> list[str]:
        """What tools gave, oldest first, as the model that had asked for it read it."""
        before: list[str] = []
        read: list[str] = []
        for call in self.server.calls:
            texts = [
                result.text
                for result in call.tool_results
                if not result.name.startswith(RESERVED_PREFIXES)
            ]
            if texts[: len(read)] != read:
                before, read = before + read, []
            read = texts
        return before + read

    def model(self, provider: Provider = Provider.OPENAI, **changes: Any) -> ModelSpec:
        spec = ModelSpec(
            provider=provider,
            model="scripted-1",
            base_url=self.address(provider),
            api_key=API_KEY,
            timeout=5.0,
        )
        return replace(spec, **changes)

    def address(self, provider: Provider) -> str:
        match provider:
            case Provider.OPENAI | Provider.OPENAI_COMPATIBLE | Provider.OFFLINE:
                return self.server.openai_url
            case Provider.AZURE_OPENAI:
                return self.server.azure_url
            case Provider.ANTHROPIC:
                return self.server.anthropic_url
            case Provider.GOOGLE:
                return self.server.gemini_url
            case _:
                assert_never(provider)

    def spec(
        self,
        *,
        model: ModelSpec | None = None,
        limits: Limits | None = None,
        found: tuple[AgentSpec, ...] | None = None,
        **changes: Any,
    ) -> OrchestratorSpec:
        spec = OrchestratorSpec(
            organization_id="organization",
            orchestrator_id="orchestrator",
            name="Conformance",
            config_hash="hash",
            framework=self.kind.framework,
            mode=self.kind.mode,
            model=model or self.model(),
            agents=agents() if found is None else found,
            limits=limits or Limits(),
        )
        return replace(spec, **changes)

    def build(self, spec: OrchestratorSpec | None = None) -> Runtime:
        spec = spec or self.spec()
        tools = invoker(self.plugins, spec.agents, spec.limits.tool_result_bytes)
        self.backend.load(spec)
        return self.backend.build(spec, tools)

    async def play(
        self,
        story: Story,
        message: str = "Please.",
        *,
        spec: OrchestratorSpec | None = None,
        history: Sequence[PastMessage] = (),
    ) -> Played:
        """Let the model follow the story and return the turn once it is over."""
        self.server.script(*story.steps)
        return await play(self.build(spec), message, history=history)


async def play(
    runtime: Runtime, message: str = "Please.", *, history: Sequence[PastMessage] = ()
) -> Played:
    """Run a turn to its end; an `EngineError` ends up in the result."""
    meter = UsageMeter()
    events: list[RuntimeEvent] = []
    error: EngineError | None = None
    try:
        async for event in runtime.stream(Turn(message=message, history=history, meter=meter)):
            events.append(event)  # noqa: PERF401  # what came before an error must be kept
    except EngineError as caught:
        error = caught
    return Played(tuple(events), error, meter.total, tuple(meter.calls))


def story_of(mode: Mode, first: str = MATH) -> Story:
    """Begin the story of a turn in this mode."""
    match mode:
        case Mode.SUPERVISOR:
            return SupervisorStory(first)
        case Mode.COORDINATOR:
            return CoordinatorStory(first)
        case Mode.HANDOFF:
            return HandoffStory(first)
        case _:
            assert_never(mode)


@asynccontextmanager
async def open_backend(kind: Kind) -> AsyncIterator[Backend]:
    """Build the kind's backend on clients of its own."""
    async with (
        httpx.AsyncClient(trust_env=False) as for_google,
        httpx2.AsyncClient(trust_env=False) as for_others,
    ):
        yield BACKENDS[kind.framework](
            PlainTransports(for_google, for_others),
            clock=NoonClock(),
            retries=RetryPolicy(first_pause=0.01),
        )


def tasks_besides_this_one() -> set[asyncio.Task[Any]]:
    """Return every task that is still running, but for the test's own."""
    return asyncio.all_tasks() - {asyncio.current_task()}


BACKENDS: Mapping[Framework, Callable[..., Backend]] = {
    Framework.LANGGRAPH: LangGraphBackend,
    Framework.OPENAI_AGENTS: OpenAIAgentsBackend,
    Framework.GOOGLE_ADK: GoogleAdkBackend,
}
KINDS = (
    Kind(Framework.LANGGRAPH, Mode.SUPERVISOR),
    Kind(Framework.LANGGRAPH, Mode.COORDINATOR),
    Kind(Framework.LANGGRAPH, Mode.HANDOFF),
    Kind(Framework.OPENAI_AGENTS, Mode.SUPERVISOR),
    Kind(Framework.OPENAI_AGENTS, Mode.COORDINATOR),
    Kind(Framework.OPENAI_AGENTS, Mode.HANDOFF),
    Kind(Framework.GOOGLE_ADK, Mode.SUPERVISOR),
    Kind(Framework.GOOGLE_ADK, Mode.COORDINATOR),
    Kind(Framework.GOOGLE_ADK, Mode.HANDOFF),
)
