"""How a plugin's row is shown to clients."""

from cadence.domains.plugins.network import Approved
from cadence.domains.plugins.schemas import (
    HostRead,
    PluginDetailRead,
    PluginKind,
    PluginRead,
    PluginState,
    QuarantineRead,
    Source,
    ToolRead,
)
from cadence.infra.database.tables import Plugin


def show(row: Plugin, approved: Approved | None = None) -> PluginRead:
    """Return what members may see of a plugin, with what their organization lets it call."""
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
        kind=PluginKind(row.kind),
        state=PluginState(row.state),
        tools=[ToolRead.model_validate(tool) for tool in row.tools],
        stateless=row.stateless,
        sdk_version=row.sdk_version,
        default_settings={
            entry["key"]: entry["default"] for entry in row.settings_schema if "default" in entry
        },
        settings_schema=row.settings_schema,
        network=[
            HostRead(
                host=host,
                approved=None if approved is None else host in approved.get(row.pid, frozenset()),
            )
            for host in row.network
        ],
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
    )


def show_detail(
    row: Plugin, approved: Approved, quarantine: QuarantineRead | None
) -> PluginDetailRead:
    """Return the same, with whether it rests for their organization."""
    return PluginDetailRead(**dict(show(row, approved)), quarantine=quarantine)
