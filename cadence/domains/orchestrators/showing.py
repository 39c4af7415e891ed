"""How an orchestrator's row is shown to clients."""

from cadence.domains.orchestrators.plugin_values import masked
from cadence.domains.orchestrators.schemas import (
    NewerVersionRead,
    OrchestratorRead,
    PluginUseRead,
    ProblemRead,
    Status,
)
from cadence.domains.orchestrators.service import Shown
from cadence.domains.orchestrators.uses import PluginUse
from cadence.engine.modes import Framework, Mode


def show(shown: Shown) -> OrchestratorRead:
    """Return what members may see: the configuration as it was written, secrets as stars."""
    row = shown.row
    return OrchestratorRead(
        id=row.id,
        name=row.name,
        framework_type=Framework(row.framework_type),
        mode=Mode(row.mode),
        status=Status(row.status),
        active_plugin_ids=[use.plugin.id for use in shown.uses],
        plugins=[show_use(use) for use in shown.uses],
        config=row.config,
        plugin_settings={key: masked(values) for key, values in row.plugin_settings.items()},
        config_hash=row.config_hash,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def show_use(use: PluginUse) -> PluginUseRead:
    """Return one of an orchestrator's plugins, and what there is to move to."""
    return PluginUseRead(
        id=use.plugin.id,
        pid=use.plugin.pid,
        name=use.plugin.name,
        version=use.plugin.version,
        follows_latest=use.follows_latest,
        newer=None
        if use.latest is None
        else NewerVersionRead(
            id=use.latest.id,
            version=use.latest.version,
            problems=[ProblemRead.model_validate(problem) for problem in use.problems],
        ),
    )
