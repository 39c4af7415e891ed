"""What every turn of the benchmark is about: five plugins with two tools each, and one question."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from cadence.engine.modes import Framework, Mode
from cadence.engine.spec import AgentSpec, ModelSpec, OrchestratorSpec, Provider, ToolSpec
from cadence.engine.tool_names import model_names
from tests.benchmarks.local_model import FOUND

QUESTION = "What does serendipity mean?"
SHORT, LONG = 12, 300  # tokens of the answer

_TOOLS: Mapping[str, tuple[str, ...]] = {
    "math": ("add", "multiply"),
    "notes": ("lookup", "search"),
    "weather": ("today", "tomorrow"),
    "files": ("read", "list"),
    "dates": ("shift", "weekday"),
}
_WORD = {
    "type": "object",
    "properties": {"word": {"type": "string", "description": "The word or name meant."}},
    "required": ["word"],
}

# Plays one turn and returns the answer that was streamed.
Play = Callable[[str], Awaitable[str]]


class Bare(Protocol):
    """A framework without us: builds what does the same turn with the same model and tools."""

    def build(self, spec: OrchestratorSpec) -> Play:
        """Build one orchestrator."""
        ...


class Plugins:
    """The tools' code."""

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        """Do what `PluginCode.call` promises."""
        result = {"word": arguments["word"], "meaning": FOUND}
        return result, result


def build_spec(
    framework: Framework, mode: Mode, *, base_url: str, tokens: int = SHORT, number: int = 0
) -> OrchestratorSpec:
    """Build a specification whose answer has so many tokens.

    Each `number` is another tenant's, with a key and plugins of its own.
    """
    agents = _agents(number)
    return OrchestratorSpec(
        organization_id=f"organization-{number}",
        orchestrator_id=f"orchestrator-{number}",
        name="Benchmark",
        config_hash=f"hash-{number}",
        framework=framework,
        mode=mode,
        model=ModelSpec(
            provider=Provider.OPENAI,
            model=f"{mode}-{tokens}",
            base_url=f"{base_url}/v1",
            api_key=f"sk-benchmark-{number}",
        ),
        agents=agents,
        entry_agent=agents[0].name,
    )


def safe_name(agent: AgentSpec) -> str:
    """Return the agent's name as every framework takes it."""
    return agent.name.replace(".", "_")


def _agents(number: int) -> tuple[AgentSpec, ...]:
    return tuple(
        AgentSpec(
            name=f"com.acme{number}.{plugin}",
            title=plugin.title(),
            description=f"Knows everything about {plugin}.",
            system_prompt=f"You work with {plugin}. Be exact, and say when you do not know.",
            tools=tuple(_tool(f"com.acme{number}.{plugin}.{name}") for name in names),
        )
        for plugin, names in _TOOLS.items()
    )


def _tool(name: str) -> ToolSpec:
    return ToolSpec(
        qualified_name=name,
        model_name=model_names([name])[name],
        description=f"Returns what {name} finds for a word.",
        parameters=_WORD,
    )
