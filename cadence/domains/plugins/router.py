"""`/api/orgs/{org}/plugins` and `/api/admin/plugins`: the catalog."""

from typing import Annotated

from cadence_sdk.checking.problems import Code, Problem
from fastapi import APIRouter, Query, Response, UploadFile

from cadence.domains.access.dependencies import OrgAdmin, SysAdmin
from cadence.domains.plugins.dependencies import ForAdmin, ForMember, ForSystem
from cadence.domains.plugins.errors import PluginInUse, PluginVersionExists
from cadence.domains.plugins.schemas import PluginQuery, PluginRead, ValidationAnswer
from cadence.domains.plugins.showing import show
from cadence.http.documented import Responses, errors
from cadence.http.ids import path_uuid
from cadence.http.json_bodies import StrictRoute
from cadence.infra.full import StorageFull
from cadence.kernel.ids import PluginId
from cadence.plugin_host.errors import PluginPackageInvalid

router = APIRouter(tags=["plugins"], route_class=StrictRoute)

UPLOADED: Responses = {
    200: {"model": PluginRead, "description": "The same bytes are there already."},
    **errors(
        PluginVersionExists("com.example.search", "1.2.0"),
        PluginPackageInvalid(
            [Problem(code=Code.SYNTAX_ERROR, message="is not Python", file="plugin.py", line=7)]
        ),
        StorageFull(),
    ),
}
IN_USE = errors(PluginInUse(["Support", "Sales"]))


@router.post("/api/orgs/{org}/plugins/upload", status_code=201, responses=UPLOADED)
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
async def list_plugins(
    plugins: ForMember, query: Annotated[PluginQuery, Query()]
) -> list[PluginRead]:
    """List the plugins that the organization may use: its own and the system's."""
    return [show(row) for row in await plugins.list_visible(query)]


@router.get("/api/orgs/{org}/plugins/{plugin_id}")
async def get_plugin(plugin_id: str, plugins: ForMember) -> PluginRead:
    """Show one version of a plugin."""
    return show(await plugins.get(PluginId(path_uuid(plugin_id))))


@router.delete("/api/orgs/{org}/plugins/{plugin_id}", status_code=204, responses=IN_USE)
async def remove_plugin(plugin_id: str, plugins: ForAdmin) -> None:
    """Uninstall a version of the organization's own that no orchestrator uses."""
    await plugins.remove(PluginId(path_uuid(plugin_id)))


@router.post("/api/admin/plugins/upload", status_code=201, responses=UPLOADED)
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
    return [show(row) for row in await plugins.list_visible(PluginQuery())]


@router.get("/api/admin/plugins/{plugin_id}")
async def get_system_plugin(plugin_id: str, plugins: ForSystem) -> PluginRead:
    """Show one version of a system plugin."""
    return show(await plugins.get(PluginId(path_uuid(plugin_id))))


@router.delete("/api/admin/plugins/{plugin_id}", status_code=204, responses=IN_USE)
async def remove_system_plugin(plugin_id: str, plugins: ForSystem) -> None:
    """Uninstall a version of a system plugin that no orchestrator uses."""
    await plugins.remove(PluginId(path_uuid(plugin_id)))
