"""How an orchestrator's row is shown to clients."""

from cadence.domains.orchestrators.plugin_values import masked
from cadence.domains.orchestrators.schemas import OrchestratorRead, Status
from cadence.domains.orchestrators.service import Shown
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
        active_plugin_ids=list(shown.plugin_ids),
        config=row.config,
        plugin_settings={key: masked(values) for key, values in row.plugin_settings.items()},
        config_hash=row.config_hash,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
