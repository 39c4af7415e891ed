"""Everything a builder needs to know of one orchestrator, resolved and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cadence.engine.modes import Framework, Mode, SupervisorNode


class Provider(StrEnum):
    """Who serves a model, and so which wire it speaks."""

    OPENAI = "openai"
    OPENAI_COMPATIBLE = "openai_compatible"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    AZURE_OPENAI = "azure_openai"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model as one organization may call it; holds a secret, so it never prints its key.

    `base_url` is always set: the provider's public address when the organization gave none.
    `options` are provider extras, e.g. `api_version` for Azure. `timeout` is in seconds, per call.
    `llm_config_id` and `version` name the stored config it came from, for caches.
    """

    provider: Provider
    model: str
    base_url: str
    api_key: str = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float = 60.0
    llm_config_id: int | None = None
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """One tool as models see it.

    `model_name` is safe for every provider (`^[a-zA-Z_][a-zA-Z0-9_]{0,63}$`) and unique in the
    orchestrator; `qualified_name` is `<pid>.<tool>`, as events show it. `parameters` is the JSON
    Schema of an object. `needs_validation` sends results through the validation node.
    """

    qualified_name: str
    model_name: str
    description: str
    parameters: Mapping[str, object]
    needs_validation: bool = False
    timeout: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """One plugin's agent: its tools and what it is for.

    `name` is what events and graph nodes call it (the plugin's pid); `system_prompt` is the plugin
    author's text, to be treated as data, never as a template.
    """

    name: str
    title: str
    description: str
    system_prompt: str
    tools: tuple[ToolSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """What one supervisor node uses instead of the defaults; None keeps the default."""

    model: ModelSpec | None = None
    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one turn; seconds and counts (PRODUCT.md §4, `mode_config`)."""

    max_agent_hops: int = 10
    consecutive_agent_route_limit: int = 3
    invoke_timeout: float = 60.0
    supervisor_timeout: float = 60.0
    parallel_tool_calls: bool = True
    tool_result_bytes: int = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorSpec:
    """One orchestrator as it is to be built; equal `config_hash` means equal behaviour."""

    organization_id: str
    orchestrator_id: str
    name: str
    config_hash: str
    framework: Framework
    mode: Mode
    model: ModelSpec
    agents: tuple[AgentSpec, ...]
    limits: Limits = Limits()
    nodes: Mapping[SupervisorNode, NodeSpec] = field(default_factory=dict)
    use_llm_validation: bool = False
    entry_agent: str | None = None
    handoff_instructions: str | None = None

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """Every model the orchestrator may call, the default one first, equal ones once."""
        found = [self.model]
        for node in self.nodes.values():
            if node.model is not None and node.model not in found:
                found.append(node.model)
        return tuple(found)
