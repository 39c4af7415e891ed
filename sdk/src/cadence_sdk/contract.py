"""One plugin class seen through its contract."""

from functools import cached_property
from typing import Any

from typing_extensions import override

from cadence_sdk.agents import BaseAgent, BaseScopedAgent, BaseSpecializedAgent
from cadence_sdk.metadata import PluginMetadata
from cadence_sdk.plugin import BasePlugin


class PluginContract:
    """Asks the class once for what does not change; two with one pid and version are equal."""

    def __init__(self, plugin_class: type[BasePlugin]) -> None:
        self.plugin_class = plugin_class

    @cached_property
    def metadata(self) -> PluginMetadata:
        """The plugin's metadata."""
        return self.plugin_class.get_metadata()

    @property
    def pid(self) -> str:
        """The plugin's reverse-domain id."""
        return self.metadata.pid

    @property
    def name(self) -> str:
        """The plugin's name for people."""
        return self.metadata.name

    @property
    def version(self) -> str:
        """The plugin's version, two or three numbers."""
        return self.metadata.version

    @property
    def description(self) -> str:
        """What the plugin is for."""
        return self.metadata.description

    @property
    def capabilities(self) -> list[str]:
        """What the plugin says it can do."""
        return list(self.metadata.capabilities)

    @property
    def is_stateless(self) -> bool:
        """Whether one agent may serve several orchestrators with equal settings."""
        return self.metadata.stateless

    @property
    def is_specialized(self) -> bool:
        """Whether the plugin's agent knows a subject and has a system prompt."""
        return issubclass(self._agent_class, BaseSpecializedAgent)

    @property
    def is_scoped(self) -> bool:
        """Whether the plugin's agent works on one anchored record."""
        return issubclass(self._agent_class, BaseScopedAgent)

    def create_agent(self) -> BaseAgent:
        """Return a new agent that has not been initialized."""
        return self.plugin_class.create_agent()

    def validate_dependencies(self) -> list[str]:
        """Return one message for each thing that is missing on this machine."""
        return self.plugin_class.validate_dependencies()

    def health_check(self) -> dict[str, Any]:
        """Return how the plugin is right now."""
        return self.plugin_class.health_check()

    @cached_property
    def _agent_class(self) -> type[BaseAgent]:
        return type(self.create_agent())

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PluginContract):
            return NotImplemented
        return (self.pid, self.version) == (other.pid, other.version)

    @override
    def __hash__(self) -> int:
        return hash((self.pid, self.version))

    @override
    def __repr__(self) -> str:
        return f"PluginContract({self.pid!r}, version={self.version!r})"
