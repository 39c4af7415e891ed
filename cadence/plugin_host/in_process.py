"""Plugins inside this process: where isolation is off, for development alone."""

from concurrent.futures import Executor

from cadence.plugin_host.loader import LoadedPlugin, open_plugin
from cadence.plugin_host.ports import PluginToOpen


class InProcessPlugins:
    """A `PluginOpener` that trusts every plugin with everything."""

    def __init__(self, threads: Executor, *, within: float) -> None:
        self._threads = threads
        self._within = within

    async def open(self, plugin: PluginToOpen) -> LoadedPlugin:
        """Do what `PluginOpener.open` promises."""
        return await open_plugin(
            plugin.folder,
            settings=plugin.settings,
            executor=self._threads,
            expected=plugin.expected,
            within=self._within,
        )
