"""How a plugin's row is shown to clients."""

from cadence.domains.plugins.schemas import PluginRead, Source
from cadence.infra.database.tables import Plugin


def show(row: Plugin) -> PluginRead:
    """Return what members may see of a plugin."""
    return PluginRead(
        id=row.id,
        pid=row.pid,
        name=row.name,
        version=row.version,
        description=row.description,
        capabilities=row.capabilities,
        dependencies=row.dependencies,
        is_latest=row.is_latest,
        source=Source.SYSTEM if row.organization_id is None else Source.ORGANIZATION,
        stateless=row.stateless,
        sdk_version=row.sdk_version,
        default_settings={
            entry["key"]: entry["default"] for entry in row.settings_schema if "default" in entry
        },
        settings_schema=row.settings_schema,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
    )
