"""`/api/orgs/{org}/plugins/{plugin_id}/network`: the hosts that a plugin may call."""

from fastapi import APIRouter

from cadence.domains.access.dependencies import OrgAdmin
from cadence.domains.orchestrators.dependencies import NetworkChanges
from cadence.domains.plugins.errors import PluginNetworkChanged
from cadence.domains.plugins.network_schemas import NetworkChange, NetworkRead
from cadence.http.documented import errors
from cadence.http.ids import path_uuid
from cadence.http.json_bodies import StrictRoute
from cadence.kernel.ids import PluginId

router = APIRouter(tags=["plugins"], route_class=StrictRoute)

PATH = "/api/orgs/{org}/plugins/{plugin_id}/network"


@router.get(PATH)
async def get_plugin_network(plugin_id: str, network: NetworkChanges) -> NetworkRead:
    """Show the hosts that a plugin asks for, and which the organization lets it call."""
    return await network.get(PluginId(path_uuid(plugin_id)))


@router.put(PATH, responses=errors(PluginNetworkChanged()))
async def change_plugin_network(
    plugin_id: str, *, network: NetworkChanges, scope: OrgAdmin, asked: NetworkChange
) -> NetworkRead:
    """Approve these hosts for every version of the plugin, and withdraw all others.

    Orchestrators that use it are built anew.
    """
    return await network.change(PluginId(path_uuid(plugin_id)), asked, approver=scope.user_id)
