"""Changes what a plugin may call, and has the orchestrators follow that use it."""

from cadence.domains.orchestrators.refreshing import PluginRefresher
from cadence.domains.plugins.network import PluginNetwork
from cadence.domains.plugins.network_schemas import NetworkChange, NetworkRead
from cadence.kernel.ids import PluginId, UserId


class PluginNetworkChanges:
    """One organization's approvals as all above the catalog sees them."""

    def __init__(self, *, network: PluginNetwork, refresher: PluginRefresher) -> None:
        self._network = network
        self._refresher = refresher

    async def get(self, plugin_id: PluginId) -> NetworkRead:
        """Return what a version asks for and what was approved; raises `PluginNotFound`."""
        return await self._network.get(plugin_id)

    async def change(
        self, plugin_id: PluginId, asked: NetworkChange, *, approver: UserId | None
    ) -> NetworkRead:
        """Approve hosts and have every orchestrator with any version of the plugin follow.

        Raises as `PluginNetwork.change` does.
        """
        changed = await self._network.change(plugin_id, asked, approver=approver)
        await self._refresher.refresh(changed.pid)
        return changed
