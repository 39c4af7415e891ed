"""The life of a plugin's agent: made, given its settings, and cleaned up after."""

import inspect
from collections.abc import Mapping
from typing import Any

from cadence_sdk.agents import BaseAgent
from cadence_sdk.plugin import BasePlugin
from cadence_sdk.settings import resolve_settings


async def start_agent(plugin_class: type[BasePlugin], given: Mapping[str, Any]) -> BaseAgent:
    """Return a new agent, initialized with these settings and defaults for the rest.

    Raises `SettingsInvalid` before any agent exists, and whatever the plugin's own code raises.
    """
    settings = resolve_settings(plugin_class.get_settings_schema(), given)
    agent = plugin_class.create_agent()
    await initialize_agent(agent, settings)
    return agent


async def initialize_agent(agent: BaseAgent, settings: dict[str, Any]) -> None:
    """Give an agent its settings; they must be resolved already."""
    await _finish(agent.initialize(settings))  # type: ignore[func-returns-value]


async def stop_agent(agent: BaseAgent) -> None:
    """Let the agent release what it holds; raises whatever its `cleanup` raises."""
    await _finish(agent.cleanup())


async def _finish(result: object) -> None:
    # Authors mix up which of the two methods is async; either way works.
    if inspect.isawaitable(result):
        await result
