"""What can be wrong with a plugin of the catalog."""

from collections.abc import Sequence

from cadence.kernel.errors import CadenceError, Kind, NotFound


class PluginNotFound(NotFound):
    """No such plugin that this organization may use."""


class PluginInUse(CadenceError):
    """The plugin cannot be removed while an orchestrator uses it."""

    kind = Kind.CONFLICT
    code = "plugin_in_use"

    def __init__(self, names: Sequence[str]) -> None:
        count = len(names)
        who = "1 orchestrator still uses" if count == 1 else f"{count} orchestrators still use"
        told = f" ({', '.join(names)})" if names else ""
        super().__init__(f"{who} this plugin{told}.")


class PluginIsServer(CadenceError):
    """The plugin is an MCP server, which goes as it came."""

    kind = Kind.CONFLICT
    code = "plugin_is_server"

    def __init__(self) -> None:
        super().__init__("This plugin is an MCP server: remove it where it was registered.")


class PluginVersionExists(CadenceError):
    """The version is in the catalog with other bytes; a version never changes."""

    kind = Kind.CONFLICT
    code = "plugin_version_exists"

    def __init__(self, pid: str, version: str) -> None:
        super().__init__(
            f"{pid} {version} is already in the catalog with other content. "
            "Raise the version in PluginMetadata and upload again."
        )


class PluginNetworkChanged(CadenceError):
    """Somebody else approved the same hosts in the same moment."""

    kind = Kind.CONFLICT
    code = "plugin_network_changed"

    def __init__(self) -> None:
        super().__init__("Somebody else has just changed what this plugin may call. Look again.")
