"""What stands for plugins where nothing can lock them in."""

from cadence.plugin_host.described import PluginDescription
from cadence.plugin_host.errors import PluginIsolationUnavailable
from cadence.plugin_host.ports import OpenedPlugin, PluginToOpen


class RefusedPlugins:
    """Opens and describes no plugin, and says why not and what an operator can do."""

    def __init__(self, *, cause: str, remedy: str) -> None:
        self._cause = cause
        self._remedy = remedy

    async def open(self, plugin: PluginToOpen) -> OpenedPlugin:
        """Raise `PluginIsolationUnavailable`."""
        del plugin
        raise self._refusal()

    async def describe(
        self, *, organization: str, sha256: str, content: bytes
    ) -> PluginDescription:
        """Raise `PluginIsolationUnavailable`."""
        del organization, sha256, content
        raise self._refusal()

    def _refusal(self) -> PluginIsolationUnavailable:
        return PluginIsolationUnavailable(self._cause, self._remedy)
