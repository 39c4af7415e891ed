"""A plugin whose code runs in a host; the host may come and go, this stays."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from cadence.kernel.errors import CadenceError, FieldProblem
from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.anchoring import ANCHOR_WITHIN
from cadence.plugin_host.errors import (
    PluginBroken,
    PluginHostUnavailable,
    PluginSettingsInvalid,
)
from cadence.plugin_host.frames import FrameInvalid, FrameTooLong
from cadence.plugin_host.host import Ending, HostEnded, HostNotAsked, PluginHost
from cadence.plugin_host.ports import Anchor, LoadedTool, PluginToOpen
from cadence.plugin_host.replies import (
    Described,
    ReplyInvalid,
    read_anchor,
    read_description,
    read_results,
)
from cadence.plugin_host.running import FindHost

Result = TypeVar("Result")

log = structlog.get_logger(__name__)

# Seconds for an agent to clean up; nobody waits for it.
_CLOSE_WITHIN = 5.0
# A host may end between being found and being asked; then another one is.
_TRIES = 3

_ENDED = {
    Ending.STOPPED: "The plugin's process was stopped while the tool ran. Try again.",
    Ending.CRASHED: "The plugin's process ended while the tool ran.",
    Ending.HUNG: "The plugin's process did not answer and was ended.",
    Ending.GARBLED: "The plugin's process broke the protocol and was ended.",
}


class HostedPlugin:
    """An `OpenedPlugin`; a call finds its host running or has it started again."""

    def __init__(
        self, plugin: PluginToOpen, find_host: FindHost, *, call_within: float, open_within: float
    ) -> None:
        self._plugin = plugin
        self._find_host = find_host
        self._call_within = call_within
        self._open_within = open_within
        self._lock = asyncio.Lock()
        self._host: PluginHost | None = None
        self._agent = 0
        self._described: Described | None = None
        self._async_tools: frozenset[str] = frozenset()
        self._is_closed = False

    @property
    def pid(self) -> str:
        """What its package calls it."""
        return self._offer.pid

    @property
    def version(self) -> str:
        """The version that its package names."""
        return self._offer.version

    @property
    def system_prompt(self) -> str:
        """What a model must know to speak as its agent."""
        return self._offer.system_prompt

    @property
    def tools(self) -> tuple[LoadedTool, ...]:
        """Its tools, as it told them when it was first opened."""
        return self._offer.tools

    @property
    def is_scoped(self) -> bool:
        """Whether its agent can be anchored to one record."""
        return self._offer.is_scoped

    async def start(self) -> None:
        """Open it for the first time; raises what `PluginOpener.open` does."""
        try:
            _ = await self._trying(self._ready)
        except HostEnded as ended:
            raise PluginBroken(f"The plugin did not start: {_start_trouble(ended)}") from None

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        """Call a tool; its trouble is as `PluginCode.call` has it, or `ToolUnavailable`."""
        try:
            return read_results(await self._trying(lambda: self._reply(tool, arguments)))
        except HostEnded as ended:
            raise ToolUnavailable(_ENDED[ended.ending]) from None
        except ReplyInvalid:
            if self._host is not None:
                self._host.kill(Ending.GARBLED)
            raise ToolUnavailable(_ENDED[Ending.GARBLED]) from None
        except FrameTooLong:
            raise ToolUnavailable("The tool's arguments are too long.") from None
        except FrameInvalid:
            raise ToolUnavailable("The tool's arguments cannot be written as JSON.") from None
        except CadenceError as trouble:
            raise ToolUnavailable(trouble.message) from trouble

    async def anchor(self, resource_id: str) -> Anchor:
        """Do what `OpenedPlugin.anchor` promises; raises `ToolUnavailable` without a host."""
        try:
            return read_anchor(await self._trying(lambda: self._record(resource_id)))
        except HostEnded as ended:
            raise ToolUnavailable(_ENDED[ended.ending]) from None
        except ReplyInvalid:
            if self._host is not None:
                self._host.kill(Ending.GARBLED)
            raise ToolUnavailable(_ENDED[Ending.GARBLED]) from None

    async def close(self) -> None:
        """Let its agent clean up, where it has one now; safe to call twice."""
        host, self._host = self._host, None
        self._is_closed = True
        if host is None or not host.is_alive:
            return
        host.agents -= 1
        try:
            await host.ask("close", within=_CLOSE_WITHIN, agent=self._agent)
        except (HostEnded, FrameInvalid) as failure:
            log.info("plugin_not_closed", why=str(failure))
        if self._plugin.network and not host.agents:
            # What the plugin left running there must not keep a way out that may be revoked now.
            host.kill(Ending.STOPPED)

    @property
    def _offer(self) -> Described:
        if self._described is None:
            raise RuntimeError("The plugin has not been started.")
        return self._described

    async def _reply(self, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        host = self._host
        if host is None or not host.is_alive:
            host = await self._ready()
        return await host.call(
            self._agent,
            tool,
            arguments,
            within=self._call_within,
            is_async=tool in self._async_tools,
        )

    async def _record(self, resource_id: str) -> Mapping[str, Any]:
        host = self._host
        if host is None or not host.is_alive:
            host = await self._ready()
        return await host.anchor(self._agent, resource_id, within=ANCHOR_WITHIN)

    async def _trying(self, do: Callable[[], Awaitable[Result]]) -> Result:
        for _ in range(_TRIES - 1):
            with suppress(HostNotAsked):
                return await do()
        return await do()

    async def _ready(self) -> PluginHost:
        async with self._lock:
            if self._host is not None and self._host.is_alive:
                return self._host
            if self._is_closed:
                raise ToolUnavailable("The plugin has been closed.")
            host = await self._find_host(self._plugin)
            await self._open_in(host)
            self._host = host
            return host

    async def _open_in(self, host: PluginHost) -> None:
        agent = host.next_agent()
        try:
            described = await self._described_by(host, agent)
            self._check(described)
        except BaseException:
            if host.is_idle and not host.agents:
                # Nobody else's agent is in it, and what it has begun may never end.
                host.kill(Ending.STOPPED)
            raise
        host.agents += 1
        self._agent = agent
        self._described = self._described or described
        self._async_tools = frozenset(each.name for each in described.tools if each.is_async)

    async def _described_by(self, host: PluginHost, agent: int) -> Described:
        settings = dict(self._plugin.settings)
        try:
            reply = await host.ask("open", within=self._open_within, agent=agent, settings=settings)
            return read_description(reply)
        except FrameInvalid:
            problem = FieldProblem("settings", "cannot be given to a plugin: too long, or no JSON")
            raise PluginSettingsInvalid([problem]) from None
        except (ReplyInvalid, ResultTooLarge, ResultUnreadable):
            raise PluginBroken("The plugin does not say what it offers.") from None

    def _check(self, described: Described) -> None:
        # A plugin must not show one face to the catalog and another at run time (SECURITY.md §4).
        expected = self._plugin.expected
        found = (described.pid, described.version)
        if expected is not None and found != (expected.pid, expected.version):
            message = "The plugin's pid or version differs from what its package declared."
            raise PluginBroken(message)


def _start_trouble(ended: HostEnded) -> str:
    match ended.ending:
        case Ending.HUNG:
            return "it took too long."
        case Ending.GARBLED:
            return "its process broke the protocol."
        case Ending.CRASHED:
            return "its process ended."
        case Ending.STOPPED:
            raise PluginHostUnavailable(
                "The plugin's process was stopped before it had started. Try again shortly.",
                retry_after=1.0,
            ) from ended
