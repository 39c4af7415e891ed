"""`POST …/plugins/upload`: a new version for the catalog, and for the orchestrators behind it."""

from fastapi import APIRouter, Response, UploadFile

from cadence.domains.access.dependencies import OrgAdmin, SysAdmin
from cadence.domains.orchestrators.dependencies import OwnPublishing, SystemPublishing
from cadence.domains.plugins.dependencies import Network
from cadence.domains.plugins.router import UPLOADED
from cadence.domains.plugins.schemas import PluginRead
from cadence.domains.plugins.showing import show
from cadence.http.json_bodies import StrictRoute

router = APIRouter(tags=["plugins"], route_class=StrictRoute)


@router.post(
    "/api/orgs/{org}/plugins/upload",  # noqa: FAST003  # `{org}` is read by the guard
    status_code=201,
    responses=UPLOADED,
)
async def upload_plugin(
    file: UploadFile,
    *,
    plugins: OwnPublishing,
    network: Network,
    scope: OrgAdmin,
    response: Response,
) -> PluginRead:
    """Add a plugin's zip to the organization's own catalog; 200 when it is there already.

    Orchestrators that follow the plugin's latest version have moved to it when this is answered.
    """
    installed = await plugins.install(await file.read(), uploader=scope.user_id)
    response.status_code = installed.status
    return show(installed.plugin, await network.by_pid([installed.plugin]))


@router.post("/api/admin/plugins/upload", status_code=201, responses=UPLOADED)
async def upload_system_plugin(
    file: UploadFile, *, plugins: SystemPublishing, principal: SysAdmin, response: Response
) -> PluginRead:
    """Add a plugin's zip for all organizations; 200 when it is there already.

    Orchestrators of every organization that follow its latest version are moved before the answer.
    """
    installed = await plugins.install(await file.read(), uploader=principal.user_id)
    response.status_code = installed.status
    return show(installed.plugin)
