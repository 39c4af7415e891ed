"""What can keep an orchestrator from being built, as the API's document shows it."""

from cadence.domains.llm_configs.errors import LlmConfigMissing, OfflineModelDisabled
from cadence.engine.errors import UnsupportedOrchestrator
from cadence.http.samples import UUID_SAMPLE
from cadence.infra.full import StorageFull
from cadence.infra.object_store.packages import PackageDamaged, PackageMissing
from cadence.infra.secrets.sealing import SecretUnreadable
from cadence.kernel.errors import CadenceError, FieldProblem, InvalidInput
from cadence.plugin_host.errors import PluginBroken, PluginSettingsInvalid
from cadence.pool.errors import PoolFull

BUILD_TROUBLE: tuple[CadenceError, ...] = (
    LlmConfigMissing(),
    # A configuration that an earlier version has stored.
    InvalidInput.of(FieldProblem("config.mode_config.max_agent_hops", "must be at least 1")),
    UnsupportedOrchestrator("The entry_agent is none of the active plugins."),
    PluginBroken("The plugin's get_tools() must return a list of tools."),
    PluginSettingsInvalid([FieldProblem(f"plugin_settings.{UUID_SAMPLE}.limit", "is missing")]),
    SecretUnreadable(),
    OfflineModelDisabled(),
    PackageMissing(),
    PackageDamaged(),
    StorageFull(),
    PoolFull(),
)
