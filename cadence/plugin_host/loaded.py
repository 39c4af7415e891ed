"""A plugin that runs inside this process: what it offers, and calls of its tools."""

import asyncio
import copy
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final

import structlog
from cadence_sdk.agents import BaseAgent, BaseScopedAgent
from cadence_sdk.checking.loading import find_home, load_plugin, unload_plugin
from cadence_sdk.plugin import BasePlugin

from cadence.kernel.plain_json import write_plain_json
from cadence.kernel.text import clean
from cadence.plugin_host.anchoring import RECORD_BYTES, check_rules, require_record, require_scoped
from cadence.plugin_host.border import Border
from cadence.plugin_host.describing import CallableTool, Description
from cadence.plugin_host.errors import PluginToolUnknown
from cadence.plugin_host.ports import Anchor, LoadedTool

STOP_WITHIN: Final = 5.0

log = structlog.get_logger(__name__)


class LoadedModules:
    """The modules of one plugin in this process, also while another thread still loads them."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self._lock = Lock()
        self._is_unloaded = False
        self._plugin_class: type[BasePlugin] | None = None

    def load(self) -> type[BasePlugin]:
        """Run the plugin's modules; raises `PackageRejected`."""
        self.home = find_home(self.home)
        plugin_class = load_plugin(self.home)
        with self._lock:
            # Whoever waited for this gave up in the meantime.
            if self._is_unloaded:
                unload_plugin(plugin_class)
            self._plugin_class = plugin_class
        return plugin_class

    def unload(self) -> None:
        """Forget the modules, now or as soon as loading ends; safe to call twice."""
        with self._lock:
            self._is_unloaded = True
            if self._plugin_class is not None:
                unload_plugin(self._plugin_class)


class LoadedPlugin:
    """A started plugin; its tools may be called at the same time from several turns."""

    def __init__(
        self,
        description: Description,
        *,
        agent: BaseAgent,
        modules: LoadedModules,
        border: Border,
    ) -> None:
        self.pid = description.pid
        self.version = description.version
        self.system_prompt = description.system_prompt
        self.tools = tuple(map(_as_loaded_tool, description.tools.values()))
        self.is_scoped = isinstance(agent, BaseScopedAgent)
        self._tools = description.tools
        self._agent: BaseAgent | None = agent
        self._modules = modules
        self._border = border

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        """Call a tool and return what agents read and what the client is shown.

        They differ only for a tool with `stream=True` and a filter. Sync tools run on a thread with
        the caller's context; cancelling the caller abandons them, and cancels async ones.

        Raises `PluginToolUnknown`, the SDK's `ArgumentsInvalid` when the arguments do not fit, and
        whatever the tool or its filter raises.
        """
        found = self._tools.get(tool)
        if found is None:
            raise PluginToolUnknown
        result = await self._run(found, dict(arguments))
        stream_filter = found.tool.stream_filter
        if not found.tool.stream_tool or stream_filter is None:
            return result, result
        # A filter that takes things out of a dict must not take them from the agents.
        seen = await self._border.call(copy.deepcopy, result)
        return result, await self._border.call(stream_filter, seen)

    async def anchor(self, resource_id: str) -> Anchor:
        """Do what `OpenedPlugin.anchor` promises; raises whatever the plugin's code raises."""
        agent = require_scoped(self._agent)
        record = require_record(await self._border.call(agent.load_anchor, resource_id))
        # Before the rules are asked for, and behind the border: both may run code of the plugin.
        write = partial(write_plain_json, record, limit=RECORD_BYTES)
        written: bytes = await self._border.call(write)
        rules = check_rules(await self._border.call(agent.build_scope_rules, record))
        return Anchor(rules=rules, record=clean(written.decode()))

    async def close(self) -> None:
        """Let the agent clean up and forget the plugin's modules; safe to call twice.

        What the plugin raises meanwhile is logged, because nothing can be done about it.
        """
        agent, self._agent = self._agent, None
        await stop(agent, modules=self._modules, border=self._border)

    async def _run(self, found: CallableTool, arguments: dict[str, Any]) -> object:
        # Reading the arguments may run validators of the plugin, so it stays behind the border.
        def run() -> Any:
            return found.tool.func(**found.arguments.read(arguments))

        async def run_async() -> Any:
            return await run()

        return await self._border.call(run_async if found.tool.is_async else run)


async def stop(agent: BaseAgent | None, *, modules: LoadedModules, border: Border) -> None:
    """Clean up after an agent, if there is one, and forget the plugin's modules."""
    try:
        if agent is not None:
            async with asyncio.timeout(STOP_WITHIN):
                await border.call(agent.cleanup)
    except Exception as error:  # noqa: BLE001  # plugin code may raise anything
        log.warning("plugin_cleanup_failed", error=type(error).__name__)
    finally:
        modules.unload()


def _as_loaded_tool(each: CallableTool) -> LoadedTool:
    return LoadedTool(
        name=each.tool.name,
        description=each.tool.description,
        parameters=each.parameters,
        needs_validation=each.tool.required_validate,
        streams=each.tool.stream_tool,
        is_async=each.tool.is_async,
    )
