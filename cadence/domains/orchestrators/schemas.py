"""What an orchestrator is asked for with, and how it is shown."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, GetJsonSchemaHandler, JsonValue, StrictInt, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cadence.engine.modes import Framework, Mode
from cadence.http.bodies import Input, Output
from cadence.http.paging import ListQuery, Perhaps
from cadence.http.text import Name, SafeText
from cadence.pool.tiers import Tier

MAX_PLUGINS = 50
PluginValues = dict[str, JsonValue]
OrchestratorSort = Literal[
    "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"
]


class Status(StrEnum):
    """Whether an orchestrator takes turns."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Compaction(StrEnum):
    """What happens to messages that no longer fit `context_tokens`.

    `none` sends them all the same, `trim` leaves out the oldest, `summarize` puts a summary made by
    the default model in their place.
    """

    NONE = "none"
    TRIM = "trim"
    SUMMARIZE = "summarize"


class NodeConfig(Input):
    """What one node uses instead of the defaults."""

    llm_config_id: StrictInt | None = None
    prompt_override: Annotated[SafeText, Field(max_length=16_384)] | None = None


class ModeConfig(Input):
    """What every mode has: seconds, counts, and how much of the conversation a model is given.

    `supervisor_timeout` bounds each call of a model, whichever agent makes it. `message_window`
    counts earlier messages; `context_tokens` bounds them by an estimate of four characters a token.
    """

    max_agent_hops: int = Field(default=10, ge=1, le=50)
    parallel_tool_calls: bool = True
    invoke_timeout: float = Field(default=60, ge=1, le=600)
    supervisor_timeout: float = Field(default=60, ge=1, le=600)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    message_window: int = Field(default=50, ge=0, le=1000)
    context_tokens: int | None = Field(default=None, ge=100, le=10_000_000)
    compaction: Compaction = Compaction.TRIM


class SupervisorConfig(ModeConfig):
    """The supervisor's own settings, and its six nodes."""

    use_llm_validation: bool = False
    supervisor_node: NodeConfig = NodeConfig()
    synthesizer_node: NodeConfig = NodeConfig()
    validation_node: NodeConfig = NodeConfig()
    facilitator_node: NodeConfig = NodeConfig()
    conversational_node: NodeConfig = NodeConfig()
    error_handler_node: NodeConfig = NodeConfig()


class CoordinatorConfig(ModeConfig):
    """The coordinator's own settings: every report costs it a hop more than a supervisor's tool."""

    max_agent_hops: int = Field(default=20, ge=1, le=50)
    consecutive_agent_route_limit: int = Field(default=3, ge=1, le=50)


class HandoffConfig(ModeConfig):
    """The handoff's own settings.

    `entry_agent` is the row id or the pid of an active plugin, the first one's when left out.
    `handoff_instructions` are told to every agent.
    """

    entry_agent: Annotated[SafeText, Field(min_length=1, max_length=128)] | None = None
    handoff_instructions: Annotated[SafeText, Field(max_length=4_000)] | None = None


AnyModeConfig = SupervisorConfig | CoordinatorConfig | HandoffConfig


class _ShownAs:
    """Documents free JSON as what it is once the mode is known."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, describe: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return describe(TypeAdapter(self._kind).core_schema)


class WrittenConfig(Input):
    """The default model, and the settings of the mode, which are read once the mode is known."""

    default_llm_config_id: StrictInt
    mode_config: Annotated[dict[str, JsonValue], _ShownAs(AnyModeConfig)] = Field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorConfig:
    """A configuration that has been checked."""

    default_llm_config_id: int
    mode_config: AnyModeConfig


class OrchestratorCreate(Input):
    """A new orchestrator; `plugin_settings` is by the plugin's row id.

    A row id pins its version. Those also in `follow_latest` give way to each new version of their
    plugin that takes their settings, and to the latest at once.
    """

    name: Name
    framework_type: Framework
    mode: Mode
    active_plugin_ids: list[UUID] = Field(min_length=1, max_length=MAX_PLUGINS)
    follow_latest: list[UUID] = Field(default_factory=list, max_length=MAX_PLUGINS)
    config: WrittenConfig
    plugin_settings: dict[UUID, PluginValues] = Field(default_factory=dict)


class OrchestratorChange(Input):
    """What may change without touching what is built."""

    name: Name | None = None
    status: Status | None = None


class ConfigChange(Input):
    """A part of the configuration: what is left out stays, null goes back to the default.

    `follow_latest` says of all active plugins which of them follow. `plugin_settings` are for those
    that are active after the change, so that a plugin can come with what it requires.
    """

    active_plugin_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=MAX_PLUGINS)
    follow_latest: list[UUID] | None = Field(default=None, max_length=MAX_PLUGINS)
    config: dict[str, JsonValue] | None = None
    plugin_settings: dict[UUID, PluginValues] = Field(default_factory=dict)


class PluginSettingsChange(Input):
    """New values by the plugin's row id and key; null goes back to the default."""

    plugin_settings: dict[UUID, PluginValues]


class OrchestratorQuery(ListQuery[OrchestratorSort]):
    """Which orchestrators to list; `search` looks into their names."""

    framework_type: Perhaps[Framework] = Field(
        default=None, description="Only orchestrators of this framework."
    )
    mode: Perhaps[Mode] = Field(default=None, description="Only orchestrators in this mode.")
    status: Perhaps[Status] = Field(default=None, description="Only orchestrators of this status.")


class ProblemRead(Output):
    """What stands in the way, by the path of what could mend it."""

    path: str
    message: str


class NewerVersionRead(Output):
    """The latest version of a plugin that is used in an earlier one.

    `problems` are why one that follows has stayed where it is, by the paths of `…/upgrade`.
    """

    id: UUID
    version: str
    problems: list[ProblemRead]


class PluginUseRead(Output):
    """One version of a plugin in an orchestrator; no `newer` when it is the latest."""

    id: UUID
    pid: str
    name: str
    version: str
    follows_latest: bool
    newer: NewerVersionRead | None


class OrchestratorRead(Output):
    """One orchestrator; sensitive plugin settings are masked."""

    id: UUID
    name: str
    framework_type: Framework
    mode: Mode
    status: Status
    active_plugin_ids: list[UUID]
    plugins: list[PluginUseRead]
    config: Annotated[dict[str, Any], _ShownAs(WrittenConfig)]
    plugin_settings: dict[str, Any]
    config_hash: str
    created_at: datetime
    updated_at: datetime


class GraphNodeRead(Output):
    """A node; `id` equals the agent's name in events."""

    id: str
    label: str


class GraphEdgeRead(Output):
    """A possible step."""

    source: str
    target: str
    conditional: bool


class GraphRead(Output):
    """The shape of what is built."""

    nodes: list[GraphNodeRead]
    edges: list[GraphEdgeRead]
    mermaid: str


class LoadTier(StrEnum):
    """How ready an orchestrator shall be made."""

    HOT = "hot"
    WARM = "warm"


class LoadRequest(Input):
    """Hot is built and ready; warm has its configuration in memory and is built by a turn."""

    tier: LoadTier = LoadTier.HOT


class HolderRead(Output):
    """One process that has the orchestrator in memory; `is_current` unless it has yet to follow."""

    node: str
    tier: Tier
    build_hash: str
    is_current: bool


class LastErrorRead(Output):
    """Why the last build failed, in the process that answers."""

    code: str
    message: str
    at: datetime


class StatusRead(Output):
    """How ready an orchestrator is; `tier` is the highest that any process has it in.

    `build_hash` covers the configuration, the models, and the settings above it; null while the
    orchestrator takes no turns. `is_building` and `last_error` are of the process that answers.
    """

    tier: Tier
    config_hash: str
    build_hash: str | None
    is_building: bool
    nodes: list[HolderRead]
    last_error: LastErrorRead | None
