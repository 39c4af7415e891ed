"""Installs a version of a plugin, and has the orchestrators follow that are to be at the latest."""

from collections.abc import Awaitable, Callable

from cadence.domains.plugins.service import Installed, PluginService
from cadence.kernel.ids import UserId

Follow = Callable[[str], Awaitable[object]]


class PluginPublishing:
    """The catalog's uploads as all above the catalog sees them; `follow` is given the pid."""

    def __init__(self, *, plugins: PluginService, follow: Follow) -> None:
        self._plugins = plugins
        self._follow = follow

    async def install(self, content: bytes, *, uploader: UserId | None) -> Installed:
        """Add a version to the catalog; raises as `PluginService.install` does.

        The same bytes again have followers moved that were left behind.
        """
        installed = await self._plugins.install(content, uploader=uploader)
        await self._follow(installed.plugin.pid)
        return installed
