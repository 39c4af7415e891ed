"""What a started plugin offers, checked before anything relies on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cadence_sdk.agents import BaseAgent, BaseSpecializedAgent
from cadence_sdk.arguments import ToolArguments
from cadence_sdk.metadata import PluginMetadata
from cadence_sdk.plugin import BasePlugin
from cadence_sdk.schema import arguments_of
from cadence_sdk.tools import UvTool

from cadence.plugin_host.errors import PluginBroken


@dataclass(frozen=True, slots=True)
class CallableTool:
    """A tool and its arguments, worked out once."""

    tool: UvTool
    arguments: ToolArguments
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the plugin says of itself at run time; `tools` are by name, in the plugin's order."""

    pid: str
    version: str
    system_prompt: str
    tools: Mapping[str, CallableTool]


def require_agent(created: object) -> BaseAgent:
    """Return what `create_agent` gave; raises `PluginBroken` when it is no agent."""
    if not isinstance(created, BaseAgent):
        raise PluginBroken("The plugin's create_agent() must return a BaseAgent.")
    return created


def describe(plugin_class: type[BasePlugin], agent: BaseAgent) -> Description:
    """Ask a started plugin what it offers; runs the plugin's code.

    Raises `PluginBroken` when an answer breaks the SDK's contract.
    """
    metadata: object = plugin_class.get_metadata()
    if not isinstance(metadata, PluginMetadata):
        raise PluginBroken("The plugin's get_metadata() must return a PluginMetadata.")
    return Description(
        pid=metadata.pid,
        version=metadata.version,
        system_prompt=_system_prompt(agent),
        tools=_by_name(agent),
    )


def _system_prompt(agent: BaseAgent) -> str:
    if not isinstance(agent, BaseSpecializedAgent):
        return ""
    prompt: object = agent.get_system_prompt()
    if not isinstance(prompt, str):
        raise PluginBroken("The plugin's get_system_prompt() must return a text.")
    return prompt


def _by_name(agent: BaseAgent) -> dict[str, CallableTool]:
    tools: dict[str, CallableTool] = {}
    for tool in _tools(agent):
        if tool.name in tools:
            raise PluginBroken(f"The plugin has two tools named {tool.name!a}.")
        arguments = arguments_of(tool)
        tools[tool.name] = CallableTool(tool, arguments, arguments.parameters)
    return tools


def _tools(agent: BaseAgent) -> Iterator[UvTool]:
    found: object = agent.get_tools()
    if not isinstance(found, list | tuple):
        raise PluginBroken("The plugin's get_tools() must return a list of tools.")
    for tool in found:
        if not isinstance(tool, UvTool):
            raise PluginBroken("The plugin's get_tools() must return tools made with @uvtool.")
        name: object = tool.name
        if not isinstance(name, str) or not name.strip():
            raise PluginBroken("The plugin has a tool without a name.")
        yield tool
