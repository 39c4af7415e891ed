"""Starts one host: its way out, its process, its output, and the wait until it is locked in."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from cadence.config.settings import PluginSettings
from cadence.plugin_host.commands import host_readable
from cadence.plugin_host.egress.proxies import EgressProxies
from cadence.plugin_host.egress.proxy import EgressProxy
from cadence.plugin_host.errors import PluginHostUnavailable
from cadence.plugin_host.frames import largest_reply
from cadence.plugin_host.host import Ending, HostBounds, HostEnded, OnEnd, PluginHost
from cadence.plugin_host.inside.confinement.limits import HostLimits
from cadence.plugin_host.inside.plan import HostPlan
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.output import follow
from cadence.plugin_host.ports import PluginToOpen
from cadence.plugin_host.zygotes import HostStartFailed, Listener, Spawned, Zygotes

log = structlog.get_logger(__name__)

# Seconds for a host to lock itself in; it takes some milliseconds.
_GREET_WITHIN: Final = 10.0
# Calls of async tools for each that may hold a thread: they cost a host only what they keep.
_WAITING_CALLS: Final = 16

# Takes what is to be awaited where nothing can be.
Later = Callable[[Callable[[], Awaitable[None]]], None]


@dataclass(slots=True)
class _WayOut:
    """What a host that may call anybody is given; nothing for all others."""

    listener: Listener | None = None
    proxy: EgressProxy | None = None
    is_kept: bool = False

    async def close(self) -> None:
        """Close the proxy, whose the listener is, or the listener that none has got."""
        if self.proxy is not None:
            await self.proxy.close()
        elif self.listener is not None:
            self.listener.socket.close()


class HostStarter:
    """Starts hosts and knows them until they are heard out."""

    def __init__(
        self,
        zygotes: Zygotes,
        *,
        level: IsolationLevel,
        settings: PluginSettings,
        proxies: EgressProxies | None,
    ) -> None:
        self._zygotes = zygotes
        self._level = level
        self._settings = settings
        self._proxies = proxies
        self._readable = host_readable()
        # Those that have ended and are still heard out among them.
        self._known: set[PluginHost] = set()

    async def start(
        self, plugin: PluginToOpen, *, about: Mapping[str, str], on_end: OnEnd, when_gone: Later
    ) -> PluginHost:
        """Return a host that is locked in and has run nothing of the plugin yet.

        `about` stands in every line of the log. When the host is gone, `when_gone` is given what
        is left to do. Raises `PluginHostUnavailable`.
        """
        try:
            async with self._way_out(plugin) as way_out:
                plan = self._plan(plugin, way_out.proxy)
                spawned = await self._zygotes.spawn(plan, beside=way_out.listener)

                def note_end(host: PluginHost, ending: Ending) -> None:
                    on_end(host, ending)
                    if way_out.proxy is not None:
                        when_gone(way_out.proxy.close)

                host = await self._listen_to(spawned, about, note_end)
                await _locked_in(host)
                # The end of the host closes it from now on.
                way_out.is_kept = True
                return host
        except (HostStartFailed, OSError) as failure:
            log.warning("plugin_host_not_started", why=str(failure), **about)
            raise PluginHostUnavailable("No process could be started for the plugin.") from None

    async def close(self) -> None:
        """End every host and wait until nothing of them is left."""
        for host in self._known:
            host.kill(Ending.STOPPED)
        await self._zygotes.close()
        for host in tuple(self._known):
            await host.over()

    async def _listen_to(
        self, spawned: Spawned, about: Mapping[str, str], on_end: OnEnd
    ) -> PluginHost:
        settings = self._settings
        try:
            output = await follow(
                spawned.output, about, bytes_per_minute=settings.log_bytes_per_minute
            )
        except BaseException:
            spawned.abandon()
            raise
        host = PluginHost(spawned, output=output, bounds=_bounds(settings), on_end=on_end)
        self._known = {each for each in self._known if not each.is_over} | {host}
        await host.connect()
        return host

    @asynccontextmanager
    async def _way_out(self, plugin: PluginToOpen) -> AsyncIterator[_WayOut]:
        """Yield the proxy of a plugin that may call anybody; it is closed unless it is kept."""
        way_out = _WayOut()
        try:
            if plugin.network and self._proxies is not None:
                if self._level is IsolationLevel.NAMESPACES:
                    way_out.listener = await self._zygotes.listener()
                way_out.proxy = self._proxies.open(
                    organization=plugin.organization,
                    pid="" if plugin.expected is None else plugin.expected.pid,
                    hosts=plugin.network,
                    listener=None if way_out.listener is None else way_out.listener.socket,
                )
            yield way_out
        finally:
            if not way_out.is_kept:
                await way_out.close()

    def _plan(self, plugin: PluginToOpen, proxy: EgressProxy | None) -> HostPlan:
        settings = self._settings
        return HostPlan(
            folder=str(plugin.folder.resolve()),
            level=self._level,
            readable=(*self._readable, *(() if proxy is None else map(str, proxy.readable))),
            port=None if proxy is None else proxy.port,
            environment={} if proxy is None else proxy.environment,
            limits=HostLimits(memory_bytes=settings.memory_bytes, file_bytes=settings.file_bytes),
            calls=settings.host_calls,
            result_bytes=settings.result_bytes,
            frame_bytes=settings.frame_bytes,
            start_within=settings.init_timeout,
        )


async def _locked_in(host: PluginHost) -> None:
    try:
        await host.greeted(within=_GREET_WITHIN)
    except BaseException as failure:
        host.kill(Ending.STOPPED)
        if isinstance(failure, TimeoutError | HostEnded):
            raise HostStartFailed("the host could not be locked in") from None
        raise


def _bounds(settings: PluginSettings) -> HostBounds:
    return HostBounds(
        calls=settings.host_calls,
        waiting_calls=_WAITING_CALLS * settings.host_calls,
        frame_bytes=settings.frame_bytes,
        reply_bytes=largest_reply(
            frame_bytes=settings.frame_bytes, result_bytes=settings.result_bytes
        ),
    )
