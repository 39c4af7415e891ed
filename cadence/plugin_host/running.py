"""How a plugin finds the host that runs it."""

from collections.abc import Awaitable, Callable

from cadence.plugin_host.host import PluginHost
from cadence.plugin_host.ports import PluginToOpen

# Raises `PluginHostUnavailable`, `PluginQuarantined` or `HostEnded`.
FindHost = Callable[[PluginToOpen], Awaitable[PluginHost]]
