"""What is equal for all orchestrators of one framework, mode and set of plugins."""

from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Any, TypeVar, cast

from cadence.engine.spec import AgentSpec, ToolSpec
from cadence.engine.tool_invoker import CheckedInvoker
from cadence.engine.tool_names import model_names
from cadence.plugin_host.ports import OpenedPlugin
from cadence.pool.bundles import Bundle
from cadence.pool.ports import Blueprint, PluginSource
from cadence.pool.shared import PartKey, PartKind, SharedParts

Graph = TypeVar("Graph")


class Template:
    """The plugins' agents with their tools, the way to call these, and what backends draw."""

    def __init__(self, agents: tuple[AgentSpec, ...], invoker: CheckedInvoker) -> None:
        self.agents = agents
        self.invoker = invoker
        self._graphs: dict[Hashable, Any] = {}
        self._lock = Lock()

    def graph(self, key: Hashable, build: Callable[[], Graph]) -> Graph:
        """Return what was built by this key, which its one backend always builds alike."""
        with self._lock:
            if key not in self._graphs:
                self._graphs[key] = build()
            return cast("Graph", self._graphs[key])


SharedTemplates = SharedParts[Template]


def template_key(blueprint: Blueprint, bundles: Sequence[Bundle]) -> PartKey | None:
    """Return what makes two templates interchangeable; None when one belongs to its runtime alone.

    A template calls the very plugins that it was made with. So it is shared only by runtimes that
    share these, and given back before they are.
    """
    plugins = tuple(bundle.key for bundle in bundles)
    if None in plugins:
        return None
    traits = (blueprint.framework, blueprint.mode, plugins)
    return PartKey(blueprint.organization_id, PartKind.TEMPLATE, traits)


def build_template(
    sources: Sequence[PluginSource],
    plugins: Sequence[OpenedPlugin],
    *,
    call_timeout: float,
    result_bytes: int,
) -> Template:
    """Assemble a template; `call_timeout` is in seconds."""
    agents = _agents(sources, plugins, call_timeout=call_timeout)
    code = {plugin.pid: plugin for plugin in plugins}
    return Template(agents, CheckedInvoker(agents, code, result_bytes=result_bytes))


def _agents(
    sources: Sequence[PluginSource], plugins: Sequence[OpenedPlugin], *, call_timeout: float
) -> tuple[AgentSpec, ...]:
    qualified = [f"{plugin.pid}.{tool.name}" for plugin in plugins for tool in plugin.tools]
    names = model_names(qualified)
    return tuple(
        AgentSpec(
            name=plugin.pid,
            title=source.title,
            description=source.description,
            system_prompt=plugin.system_prompt,
            tools=_tools(
                plugin,
                names,
                call_timeout=call_timeout if source.mcp is None else source.mcp.call_timeout,
            ),
        )
        for source, plugin in zip(sources, plugins, strict=True)
    )


def _tools(
    plugin: OpenedPlugin, names: dict[str, str], *, call_timeout: float
) -> tuple[ToolSpec, ...]:
    return tuple(
        ToolSpec(
            qualified_name=f"{plugin.pid}.{tool.name}",
            model_name=names[f"{plugin.pid}.{tool.name}"],
            description=tool.description,
            parameters=tool.parameters,
            needs_validation=tool.needs_validation,
            timeout=call_timeout,
        )
        for tool in plugin.tools
    )
