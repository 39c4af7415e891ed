"""Write plugins for Cadence: everything a plugin may import, and nothing else."""

from cadence_sdk.agents import BaseAgent, BaseScopedAgent, BaseSpecializedAgent
from cadence_sdk.contract import PluginContract
from cadence_sdk.dependencies import check_dependency_installed, install_dependencies
from cadence_sdk.errors import CadenceException
from cadence_sdk.logs import Loggable
from cadence_sdk.messages import (
    ToolCall,
    UvAIMessage,
    UvContextMessage,
    UvHumanMessage,
    UvMessage,
    UvSystemMessage,
    UvToolMessage,
)
from cadence_sdk.metadata import PluginMetadata
from cadence_sdk.plugin import BasePlugin
from cadence_sdk.registry import PluginRegistry, register_plugin
from cadence_sdk.settings import plugin_settings
from cadence_sdk.state import UvState
from cadence_sdk.structure import validate_plugin_structure, validate_plugin_structure_shallow
from cadence_sdk.tools import StreamFilter, UvTool, uvtool

__all__ = [
    "BaseAgent",
    "BasePlugin",
    "BaseScopedAgent",
    "BaseSpecializedAgent",
    "CadenceException",
    "Loggable",
    "PluginContract",
    "PluginMetadata",
    "PluginRegistry",
    "StreamFilter",
    "ToolCall",
    "UvAIMessage",
    "UvContextMessage",
    "UvHumanMessage",
    "UvMessage",
    "UvState",
    "UvSystemMessage",
    "UvTool",
    "UvToolMessage",
    "check_dependency_installed",
    "install_dependencies",
    "plugin_settings",
    "register_plugin",
    "uvtool",
    "validate_plugin_structure",
    "validate_plugin_structure_shallow",
]
