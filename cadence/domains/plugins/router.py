"""`/api/orgs/{org}/plugins` and `/api/admin/plugins`: the catalog.

What is uploaded moves the orchestrators that follow it, so uploads stand in
`cadence.domains.orchestrators.publishing_router`.
"""

from typing import Annotated

from cadence_sdk.checking.problems import Code, Problem
from fastapi import APIRouter, Query, UploadFile

from cadence.domains.plugins.dependencies import ForAdmin, ForMember, ForSystem, Network, Resting
from cadence.domains.plugins.errors import PluginInUse, PluginIsServer, PluginVersionExists
from cadence.domains.plugins.schemas import (
    PluginDetailRead,
    PluginQuery,
    PluginRead,
    ValidationAnswer,
)
from cadence.domains.plugins.showing import show, show_detail
from cadence.http.documented import Responses, errors
from cadence.http.ids import path_uuid
from cadence.http.json_bodies import StrictRoute
from cadence.infra.full import StorageFull
from cadence.kernel.ids import PluginId
from cadence.plugin_host.errors import PluginHostUnavailable, PluginPackageInvalid

router = APIRouter(tags=["plugins"], route_class=StrictRoute)

NO_HOST = PluginHostUnavailable("Too many plugin processes run now; try again in a moment.")
UPLOADED: Responses = {
    200: {"model": PluginRead, "description": "The same bytes are there already."},
    **errors(
        PluginVersionExists("com.example.search", "1.2.0"),
        PluginPackageInvalid(
            [Problem(code=Code.SYNTAX_ERROR, message="is not Python", file="plugin.py", line=7)]
        ),
        StorageFull(),
        NO_HOST,
    ),
}
EXAMINED = errors(NO_HOST)
IN_USE = errors(PluginInUse(["Support", "Sales"]), PluginIsServer())


@router.post("/api/orgs/{org}/plugins/validate", responses=EXAMINED)
async def validate_plugin(file: UploadFile, plugins: ForAdmin) -> ValidationAnswer:
    """Say every problem that an upload of this zip would meet; nothing is stored."""
    return await plugins.validate(await file.read())


@router.get("/api/orgs/{org}/plugins")
async def list_plugins(
    plugins: ForMember, network: Network, query: Annotated[PluginQuery, Query()]
) -> list[PluginRead]:
    """List the plugins that the organization may use: its own and the system's."""
    rows = await plugins.list_visible(query)
    approved = await network.by_pid(rows)
    return [show(row, approved) for row in rows]


@router.get("/api/orgs/{org}/plugins/{plugin_id}")
async def get_plugin(
    plugin_id: str, *, plugins: ForMember, network: Network, resting: Resting
) -> PluginDetailRead:
    """Show one version of a plugin, and whether it rests after too many crashes."""
    row = await plugins.get(PluginId(path_uuid(plugin_id)))
    return show_detail(row, await network.by_pid([row]), await resting.find(row))


@router.delete("/api/orgs/{org}/plugins/{plugin_id}", status_code=204, responses=IN_USE)
async def remove_plugin(plugin_id: str, plugins: ForAdmin) -> None:
    """Uninstall a version of the organization's own that no orchestrator uses."""
    await plugins.remove(PluginId(path_uuid(plugin_id)))


@router.get("/api/admin/plugins")
async def list_system_plugins(plugins: ForSystem) -> list[PluginRead]:
    """List the system's plugins."""
    return [show(row) for row in await plugins.list_visible(PluginQuery())]


@router.get("/api/admin/plugins/{plugin_id}")
async def get_system_plugin(plugin_id: str, plugins: ForSystem) -> PluginRead:
    """Show one version of a system plugin."""
    return show(await plugins.get(PluginId(path_uuid(plugin_id))))


@router.delete("/api/admin/plugins/{plugin_id}", status_code=204, responses=IN_USE)
async def remove_system_plugin(plugin_id: str, plugins: ForSystem) -> None:
    """Uninstall a version of a system plugin that no orchestrator uses."""
    await plugins.remove(PluginId(path_uuid(plugin_id)))
