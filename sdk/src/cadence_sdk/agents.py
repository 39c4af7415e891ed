"""The agents a plugin may bring: plain, specialized in a subject, or scoped to one record."""

from abc import ABC, abstractmethod
from typing import Any

from cadence_sdk.tools import UvTool


class BaseAgent(ABC):
    """Holds the tools of a plugin, and whatever they share.

    The service calls `initialize` once before the first tool call and `cleanup` once after the
    last; a tool may be called from several turns at the same time.
    """

    def initialize(self, config: dict[str, Any]) -> None:  # noqa: B027  # optional by contract
        """Take the plugin's settings, with defaults and `required` already applied."""

    @abstractmethod
    def get_tools(self) -> list[UvTool]:
        """Return the tools this agent offers; their names differ from each other."""

    async def cleanup(self) -> None:  # noqa: B027  # optional by contract
        """Release what `initialize` and the tools have opened."""


class BaseSpecializedAgent(BaseAgent):
    """An agent that knows one subject; what supervisor, coordinator and handoff use."""

    @abstractmethod
    def get_system_prompt(self) -> str:
        """Return what a model must know to speak as this agent."""


class BaseScopedAgent(BaseAgent):
    """An agent for conversations that are anchored to one record."""

    @abstractmethod
    async def load_anchor(self, resource_id: str) -> dict[str, Any]:
        """Return the record that the conversation is about."""

    @abstractmethod
    def build_scope_rules(self, context: dict[str, Any]) -> str:
        """Return the rules that keep an agent to the loaded record."""
