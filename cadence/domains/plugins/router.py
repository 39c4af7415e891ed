"""`/api/orgs/{org}/plugins` and `/api/admin/plugins`: the catalog."""

from typing import Any

from fastapi import APIRouter, Response, UploadFile

from cadence.domains.access.dependencies import OrgAdmin, SysAdmin
from cadence.domains.plugins.dependencies import ForAdmin, ForMember, ForSystem
from cadence.domains.plugins.schemas import PluginRead, ValidationAnswer
from cadence.domains.plugins.showing import show
from cadence.http.ids import path_uuid
from cadence.kernel.ids import PluginId

router = APIRouter(tags=["plugins"])

ALREADY_THERE: dict[int | str, dict[str, Any]] = {
    200: {"model": PluginRead, "description": "The same bytes are there already."}
}


@router.post("/api/orgs/{org}/plugins/upload", status_code=201, responses=ALREADY_THERE)
async def upload_plugin(
    file: UploadFile, *, plugins: ForAdmin, scope: OrgAdmin, response: Response
) -> PluginRead:
    """Add a plugin's zip to the organization's own catalog; 200 when it is there already."""
    installed = await plugins.install(await file.read(), uploader=scope.user_id)
    response.status_code = installed.status
    return show(installed.plugin)


@router.post("/api/orgs/{org}/plugins/validate")
async def validate_plugin(file: UploadFile, plugins: ForAdmin) -> ValidationAnswer:
    """Say every problem that an upload of this zip would meet; nothing is stored."""
    return await plugins.validate(await file.read())


@router.get("/api/orgs/{org}/plugins")
async def list_plugins(plugins: ForMember) -> list[PluginRead]:
    """List the plugins that the organization may use: its own and the system's."""
    return [show(row) for row in await plugins.list_visible()]


@router.get("/api/orgs/{org}/plugins/{plugin_id}")
async def get_plugin(plugin_id: str, plugins: ForMember) -> PluginRead:
    """Show one version of a plugin."""
    return show(await plugins.get(PluginId(path_uuid(plugin_id))))


@router.delete("/api/orgs/{org}/plugins/{plugin_id}", status_code=204)
async def remove_plugin(plugin_id: str, plugins: ForAdmin) -> None:
    """Uninstall a version of the organization's own that no orchestrator uses."""
    await plugins.remove(PluginId(path_uuid(plugin_id)))


@router.post("/api/admin/plugins/upload", status_code=201, responses=ALREADY_THERE)
async def upload_system_plugin(
    file: UploadFile, *, plugins: ForSystem, principal: SysAdmin, response: Response
) -> PluginRead:
    """Add a plugin's zip for all organizations; 200 when it is there already."""
    installed = await plugins.install(await file.read(), uploader=principal.user_id)
    response.status_code = installed.status
    return show(installed.plugin)


@router.get("/api/admin/plugins")
async def list_system_plugins(plugins: ForSystem) -> list[PluginRead]:
    """List the system's plugins."""
    return [show(row) for row in await plugins.list_visible()]


@router.get("/api/admin/plugins/{plugin_id}")
async def get_system_plugin(plugin_id: str, plugins: ForSystem) -> PluginRead:
    """Show one version of a system plugin."""
    return show(await plugins.get(PluginId(path_uuid(plugin_id))))


@router.delete("/api/admin/plugins/{plugin_id}", status_code=204)
async def remove_system_plugin(plugin_id: str, plugins: ForSystem) -> None:
    """Uninstall a version of a system plugin that no orchestrator uses."""
    await plugins.remove(PluginId(path_uuid(plugin_id)))
