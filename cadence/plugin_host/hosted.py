"""A plugin whose code runs in a host; the host may come and go, this stays."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from cadence.kernel.errors import CadenceError
from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.errors import PluginBroken, PluginHostUnavailable
from cadence.plugin_host.frames import FrameInvalid
from cadence.plugin_host.host import Ending, HostEnded, PluginHost
from cadence.plugin_host.ports import LoadedTool, PluginToOpen
from cadence.plugin_host.replies import Described, ReplyInvalid, read_description, read_results
from cadence.plugin_host.running import FindHost

log = structlog.get_logger(__name__)

# Seconds for an agent to clean up; nobody waits for it.
_CLOSE_WITHIN = 5.0

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

    async def start(self) -> None:
        """Open it for the first time; raises what `PluginOpener.open` does."""
        try:
            await self._ready()
        except HostEnded as ended:
            raise PluginBroken(f"The plugin did not start: {_start_trouble(ended)}") from None

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        """Call a tool; its trouble is as `PluginCode.call` has it, or `ToolUnavailable`."""
        try:
            host = self._host
            if host is None or not host.is_alive:
                host = await self._ready()
            reply = await host.call(self._agent, tool, arguments, within=self._call_within)
            return read_results(reply)
        except HostEnded as ended:
            raise ToolUnavailable(_ENDED[ended.ending]) from None
        except ReplyInvalid:
            if self._host is not None:
                self._host.kill(Ending.GARBLED)
            raise ToolUnavailable(_ENDED[Ending.GARBLED]) from None
        except FrameInvalid:
            raise ToolUnavailable("The tool's arguments are too long.") from None
        except CadenceError as trouble:
            raise ToolUnavailable(trouble.message) from trouble

    async def close(self) -> None:
        """Let its agent clean up, where it has one now; safe to call twice."""
        host, self._host = self._host, None
        self._is_closed = True
        if host is None or not host.is_alive:
            return
        try:
            await host.ask("close", within=_CLOSE_WITHIN, agent=self._agent)
        except (HostEnded, FrameInvalid) as failure:
            log.info("plugin_not_closed", why=str(failure))

    @property
    def _offer(self) -> Described:
        if self._described is None:
            raise RuntimeError("The plugin has not been started.")
        return self._described

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
        reply = await host.ask(
            "open", within=self._open_within, agent=agent, settings=dict(self._plugin.settings)
        )
        try:
            described = read_description(reply)
        except (ReplyInvalid, ToolUnavailable, ResultTooLarge, ResultUnreadable):
            raise PluginBroken("The plugin does not say what it offers.") from None
        self._check(described)
        self._agent = agent
        self._described = self._described or described

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
            raise PluginHostUnavailable("The service is stopping.") from ended
