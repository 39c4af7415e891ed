"""The class that every plugin defines exactly once."""

from abc import ABC, abstractmethod
from typing import Any

from cadence_sdk.agents import BaseAgent
from cadence_sdk.metadata import PluginMetadata


class BasePlugin(ABC):
    """Says what the plugin is and makes its agents; never instantiated."""

    @staticmethod
    @abstractmethod
    def get_metadata() -> PluginMetadata:
        """Return the plugin's metadata; a literal, because the service reads it unexecuted."""

    @staticmethod
    @abstractmethod
    def create_agent() -> BaseAgent:
        """Return a new agent that has not been initialized."""

    @staticmethod
    def validate_dependencies() -> list[str]:
        """Return one message for each thing that is missing on this machine; empty is good."""
        return []

    @staticmethod
    def get_settings_schema() -> list[dict[str, Any]]:
        """Return the plugin's settings, in the form `plugin_settings` describes."""
        return []

    @staticmethod
    def health_check() -> dict[str, Any]:
        """Return how the plugin is; `status` says it in one word."""
        return {"status": "unknown"}
