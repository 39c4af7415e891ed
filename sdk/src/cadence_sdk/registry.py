"""The plugins of one process, for plugin authors' own tests; the service does not use it."""

from typing import ClassVar, TypeVar

from packaging.version import Version

from cadence_sdk.contract import PluginContract
from cadence_sdk.plugin import BasePlugin

PluginType = TypeVar("PluginType", bound=type[BasePlugin])


class PluginRegistry:
    """Keeps the highest version of every plugin that was registered."""

    _instance: ClassVar["PluginRegistry | None"] = None

    def __init__(self) -> None:
        self._plugins: dict[str, PluginContract] = {}

    @classmethod
    def instance(cls) -> "PluginRegistry":
        """Return the one registry of this process."""
        if PluginRegistry._instance is None:
            PluginRegistry._instance = cls()
        return PluginRegistry._instance

    def register(self, plugin_class: type[BasePlugin]) -> PluginContract:
        """Take a plugin in; an older version than the one registered changes nothing.

        Returns the contract that is registered under its pid afterwards.
        """
        new = PluginContract(plugin_class)
        current = self.find(new.pid)
        if current is None or Version(new.version) >= Version(current.version):
            self._plugins[new.pid] = new
        return self._plugins[new.pid]

    def find(self, pid: str) -> PluginContract | None:
        """Return the plugin, or None when no such pid is registered."""
        return self._plugins.get(pid)

    def get(self, pid: str) -> PluginContract:
        """Return the plugin; `KeyError` when no such pid is registered."""
        return self._plugins[pid]

    def list_plugins(self) -> list[PluginContract]:
        """Return all plugins by pid."""
        return [self._plugins[pid] for pid in sorted(self._plugins)]

    def clear(self) -> None:
        """Forget every plugin."""
        self._plugins.clear()


def register_plugin(plugin_class: PluginType) -> PluginType:
    """Register a plugin class and return it, so that it may stand above the class."""
    PluginRegistry.instance().register(plugin_class)
    return plugin_class
