"""A harness for tests of a plugin: it is checked, loaded and called as the service would do it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Self, cast

from cadence_sdk.agents import BaseAgent, BaseScopedAgent, BaseSpecializedAgent
from cadence_sdk.arguments import ArgumentsInvalid, ToolArguments
from cadence_sdk.checking.manifest import Manifest
from cadence_sdk.checking.problems import PackageRejected
from cadence_sdk.lifecycle import start_agent, stop_agent
from cadence_sdk.opening import open_plugin
from cadence_sdk.schema import arguments_of
from cadence_sdk.settings import SettingsInvalid
from cadence_sdk.structure import tool_problems
from cadence_sdk.tools import UvTool

__all__ = [
    "AnchorView",
    "ArgumentsInvalid",
    "PackageRejected",
    "PluginHarness",
    "SettingsInvalid",
    "ToolAnswer",
    "ToolView",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolView:
    """A tool as a model sees it; `parameters` is the JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a call gave: `result` goes to the agents, `shown` to the client."""

    result: Any
    shown: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorView:
    """What an anchored agent works with: the `record` it has loaded, and its `rules` for it."""

    record: dict[str, Any]
    rules: str


class PluginHarness:
    """One plugin from a folder or zip, with its agent initialized; no server, no network.

    Use it in a `with` statement and `call`, or in an `async with` statement and `acall`. Entering
    raises `PackageRejected` when the service would refuse the package, `SettingsInvalid` when the
    settings do not fit, and whatever the plugin's own code raises.
    """

    def __init__(
        self, path: str | PathLike[str], *, settings: Mapping[str, Any] | None = None
    ) -> None:
        self._path = Path(path)
        self._settings = dict(settings or {})
        self._closing = AsyncExitStack()
        self._runner: asyncio.Runner | None = None
        self._open: _Plugin | None = None

    @property
    def manifest(self) -> Manifest:
        """What the plugin's source says about it, read without running it."""
        return self._plugin.manifest

    @property
    def agent(self) -> BaseAgent:
        """The initialized agent."""
        return self._plugin.agent

    @property
    def system_prompt(self) -> str | None:
        """What a model must know to speak as this agent; None for an agent without a subject."""
        agent = self.agent
        return agent.get_system_prompt() if isinstance(agent, BaseSpecializedAgent) else None

    @property
    def tools(self) -> list[ToolView]:
        """The plugin's tools as a model sees them."""
        return [
            ToolView(name=name, description=tool.description, parameters=arguments.parameters)
            for name, (tool, arguments) in self._plugin.tools.items()
        ]

    def call(self, tool: str, /, **arguments: Any) -> ToolAnswer:
        """Call a tool with arguments as a model would give them.

        Raises `LookupError` for a tool the plugin does not have, `ArgumentsInvalid` for arguments
        that do not fit, and whatever the tool raises.
        """
        if self._runner is None:
            raise RuntimeError("`call` works inside `with PluginHarness(...)`.")
        return self._runner.run(self.acall(tool, **arguments))

    async def acall(self, tool: str, /, **arguments: Any) -> ToolAnswer:
        """Do what `call` does, inside `async with`."""
        tools = self._plugin.tools
        if tool not in tools:
            raise LookupError(f"There is no tool '{tool}', only {', '.join(tools)}.")
        called, declared = tools[tool]
        result = await called.ainvoke(**declared.read(arguments))
        return ToolAnswer(result=result, shown=await called.filter_for_stream(result))

    def anchor(self, resource_id: str) -> AnchorView:
        """Load a record and build its rules, as the service does at the start of a turn.

        Raises `TypeError` for an agent that is not scoped, or that returns no dict and no text, and
        whatever the agent raises.
        """
        if self._runner is None:
            raise RuntimeError("`anchor` works inside `with PluginHarness(...)`.")
        return self._runner.run(self.aanchor(resource_id))

    async def aanchor(self, resource_id: str) -> AnchorView:
        """Do what `anchor` does, inside `async with`."""
        agent = self.agent
        if not isinstance(agent, BaseScopedAgent):
            raise TypeError(f"{type(agent).__name__} is not derived from BaseScopedAgent.")
        record = cast("object", await agent.load_anchor(resource_id))
        if not isinstance(record, dict):
            raise TypeError("load_anchor() must return a dict.")
        loaded = cast("dict[str, Any]", record)
        rules = cast("object", agent.build_scope_rules(loaded))
        if not isinstance(rules, str):
            raise TypeError("build_scope_rules() must return a text.")
        return AnchorView(record=loaded, rules=rules)

    async def __aenter__(self) -> Self:
        self._open = await self._closing.enter_async_context(
            _open_with_agent(self._path, self._settings)
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._open = None
        await self._closing.aclose()

    def __enter__(self) -> Self:
        if _is_inside_event_loop():
            raise RuntimeError("Inside an event loop, use `async with` and `acall`.")
        # One loop for the whole life, because what a tool opens may belong to the loop it ran on.
        runner = asyncio.Runner()
        try:
            runner.run(self.__aenter__())
        except BaseException:
            runner.close()
            raise
        self._runner = runner
        return self

    def __exit__(self, *_error: object) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            with runner:
                runner.run(self.__aexit__())

    @property
    def _plugin(self) -> "_Plugin":
        if self._open is None:
            raise RuntimeError("Use the harness in a `with` or `async with` statement.")
        return self._open


@dataclass(frozen=True, slots=True)
class _Plugin:
    """An open plugin with its agent and, by name, its tools and their arguments."""

    manifest: Manifest
    agent: BaseAgent
    tools: Mapping[str, tuple[UvTool, ToolArguments]]


def _is_inside_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@asynccontextmanager
async def _open_with_agent(path: Path, settings: Mapping[str, Any]) -> AsyncGenerator[_Plugin]:
    with open_plugin(path) as opened:
        agent = await start_agent(opened.plugin_class, settings)
        try:
            tools = agent.get_tools()
            if problems := list(tool_problems(tools)):
                raise PackageRejected(map(opened.problem, problems))
            by_name = {tool.name: (tool, arguments_of(tool)) for tool in tools}
            yield _Plugin(opened.manifest, agent, by_name)
        finally:
            await stop_agent(agent)
