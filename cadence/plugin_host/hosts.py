"""All hosts of this process: started when needed, bounded in number, ended when idle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import structlog

from cadence.config.settings import PluginSettings
from cadence.kernel.errors import CadenceError
from cadence.kernel.own_task import own_task
from cadence.plugin_host.commands import host_readable
from cadence.plugin_host.egress.proxies import EgressProxies
from cadence.plugin_host.egress.proxy import EgressProxy
from cadence.plugin_host.errors import PluginHostUnavailable, PluginQuarantined
from cadence.plugin_host.frames import largest_reply
from cadence.plugin_host.host import Ending, HostBounds, HostEnded, OnEnd, PluginHost
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.inside.confinement.limits import HostLimits
from cadence.plugin_host.inside.plan import HostPlan
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.output import follow
from cadence.plugin_host.ports import PluginToOpen
from cadence.plugin_host.quarantine import Quarantine
from cadence.plugin_host.quarantine_board import QuarantineBoard
from cadence.plugin_host.zygotes import HostStartFailed, Listener, Spawned, Zygotes

log = structlog.get_logger(__name__)

# Seconds for a host to lock itself in; it takes some milliseconds.
_GREET_WITHIN: Final = 10.0
_OFTEN: Final = 30.0
# Calls of async tools for each that may hold a thread: they cost a host only what they keep.
_WAITING_CALLS: Final = 16


class HostKey(NamedTuple):
    """What makes two plugins share a process: whose turns, whose package, and what it may call."""

    organization: str
    owner: str
    sha256: str
    network: tuple[str, ...]


@dataclass(slots=True)
class _Place:
    """Where a host is or is being started; callers of one plugin wait for one start."""

    starting: "asyncio.Task[PluginHost] | None" = None
    host: PluginHost | None = field(default=None)


@dataclass(slots=True)
class _WayOut:
    """What a host that may call anybody is given; nothing for all others."""

    listener: Listener | None = None
    proxy: EgressProxy | None = None
    is_kept: bool = False

    def keep(self) -> None:
        """Leave it open: the host that has it closes it when it ends."""
        self.is_kept = True


class PluginHosts:
    """A `PluginOpener` whose plugins run in processes of their own."""

    def __init__(
        self,
        zygotes: Zygotes,
        *,
        level: IsolationLevel,
        settings: PluginSettings,
        board: QuarantineBoard | None = None,
        proxies: EgressProxies | None = None,
        count_end: Callable[[Ending], None] = lambda _: None,
    ) -> None:
        self._zygotes = zygotes
        self._level = level
        self._settings = settings
        self._readable = host_readable()
        self._places: dict[HostKey, _Place] = {}
        # Those that have ended and are still heard out among them.
        self._known: set[PluginHost] = set()
        self._is_closed = False
        self._now: Callable[[], float] = lambda: asyncio.get_running_loop().time()
        self._board = board
        self._proxies = proxies
        self._count_end = count_end
        self._errands: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._quarantine = Quarantine(
            crashes=settings.crashes, rest=settings.quarantine, now=self._now
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """End idle hosts while the block runs, and all of them after it."""
        try:
            async with own_task(self._reap()), own_task(self._run_errands()):
                yield
        finally:
            await self._close()

    @property
    def count(self) -> int:
        """How many hosts there are, those that are being started among them."""
        return len(self._places)

    async def open(self, plugin: PluginToOpen) -> HostedPlugin:
        """Do what `PluginOpener.open` promises."""
        opened = HostedPlugin(
            plugin,
            self.find,
            call_within=self._settings.call_timeout,
            open_within=self._settings.init_timeout,
        )
        await opened.start()
        return opened

    async def find(self, plugin: PluginToOpen) -> PluginHost:
        """Return the plugin's host, started if need be.

        Raises `PluginHostUnavailable`, `PluginQuarantined`, or `HostEnded` when it ends at once.
        """
        key = HostKey(plugin.organization, plugin.owner, plugin.sha256, plugin.network)
        place = self._places.get(key)
        if self._is_closed:
            raise _stopping()
        if place is None or (place.host is not None and not place.host.is_alive):
            self._places.pop(key, None)
            self._check_rest(key)
            self._make_room(key.organization)
            place = self._places[key] = _Place()
        if place.host is not None:
            return place.host
        if place.starting is None:
            # Whoever waits may go away; others wait for the same host, and so does the zygote.
            # What it hears later is no part of the request that was the first to need it.
            place.starting = asyncio.get_running_loop().create_task(
                self._start(key, plugin), context=Context()
            )
        return await _started(place.starting)

    @asynccontextmanager
    async def trial(self, plugin: PluginToOpen) -> AsyncIterator[PluginHost]:
        """Yield a host that is nobody else's and ends with the block.

        Raises `PluginHostUnavailable`.
        """
        key = HostKey(plugin.organization, plugin.owner, plugin.sha256, plugin.network)
        host = await self._spawn(key, plugin)
        try:
            yield host
        finally:
            host.kill(Ending.STOPPED)

    def process_of(self, plugin: PluginToOpen) -> PluginHost | None:
        """Return the host of a plugin as it is now; for tests and measurements."""
        key = HostKey(plugin.organization, plugin.owner, plugin.sha256, plugin.network)
        place = self._places.get(key)
        return None if place is None else place.host

    async def _start(self, key: HostKey, plugin: PluginToOpen) -> PluginHost:
        place = self._places[key]
        try:
            await self._check_board(key)
            host = await self._spawn(key, plugin)
        except BaseException:
            self._forget(key, place)
            raise
        place.host, place.starting = host, None
        if not host.is_alive:
            self._forget(key, place)
        return host

    async def _spawn(self, key: HostKey, plugin: PluginToOpen) -> PluginHost:
        try:
            async with self._way_out(plugin) as way_out:
                spawned = await self._zygotes.spawn(
                    self._plan(plugin, way_out.proxy), beside=way_out.listener
                )
                host = await self._connect(key, spawned, way_out.proxy)
                way_out.keep()
                return host
        except (HostStartFailed, OSError) as failure:
            log.warning("plugin_host_not_started", why=str(failure), **_about(key))
            raise PluginHostUnavailable("No process could be started for the plugin.") from None

    async def _connect(
        self, key: HostKey, spawned: Spawned, proxy: EgressProxy | None
    ) -> PluginHost:
        def note_end(host: PluginHost, ending: Ending) -> None:
            self._note_end(key, host, ending)
            if proxy is not None:
                self._errands.put_nowait(proxy.close)

        host = await self._listen_to(key, spawned, note_end)
        try:
            await host.greeted(within=_GREET_WITHIN)
        except BaseException as failure:
            host.kill(Ending.STOPPED)
            if isinstance(failure, TimeoutError | HostEnded):
                raise HostStartFailed("the host could not be locked in") from None
            raise
        return host

    async def _listen_to(self, key: HostKey, spawned: Spawned, on_end: OnEnd) -> PluginHost:
        settings = self._settings
        try:
            output = await follow(
                spawned.output, _about(key), bytes_per_minute=settings.log_bytes_per_minute
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
        if plugin.network and self._proxies is not None:
            if self._level is IsolationLevel.NAMESPACES:
                way_out.listener = await self._zygotes.listener()
            way_out.proxy = self._proxies.open(
                organization=plugin.organization,
                pid="" if plugin.expected is None else plugin.expected.pid,
                hosts=plugin.network,
                listener=None if way_out.listener is None else way_out.listener.socket,
            )
        try:
            yield way_out
        finally:
            if way_out.proxy is not None and not way_out.is_kept:
                await way_out.proxy.close()

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

    def _check_rest(self, key: HostKey) -> None:
        left = self._quarantine.seconds_left(_blamed(key))
        if left:
            raise PluginQuarantined(crashes=self._settings.crashes, seconds_left=left)

    async def _check_board(self, key: HostKey) -> None:
        # Another node may have seen it crash.
        if self._board is None:
            return
        rest = await self._board.find(key.organization, key.sha256)
        if rest is not None:
            raise PluginQuarantined(crashes=rest.crashes, seconds_left=rest.seconds_left)

    def _make_room(self, organization: str) -> None:
        own = [key for key in self._places if key.organization == organization]
        if len(own) >= self._settings.hosts_per_organization:
            self._end_oldest(own, "Too many of the organization's plugins are at work.")
        elif len(self._places) >= self._settings.hosts:
            self._end_oldest(self._places, "Too many plugins are at work on this node.")

    def _end_oldest(self, keys: Iterable[HostKey], trouble: str) -> None:
        idle = [
            (host.used_at, key)
            for key in keys
            if (host := self._places[key].host) is not None and host.is_idle
        ]
        if not idle:
            raise PluginHostUnavailable(f"{trouble} Try again shortly.", retry_after=1.0)
        _, oldest = min(idle)
        self._end(oldest, self._places[oldest])

    def _end(self, key: HostKey, place: _Place) -> None:
        self._forget(key, place)
        if place.starting is not None:
            place.starting.cancel()
        if place.host is not None:
            place.host.kill(Ending.STOPPED)

    def _note_end(self, key: HostKey, host: PluginHost, ending: Ending) -> None:
        self._count_end(ending)
        place = self._places.get(key)
        if place is not None and place.host is host:
            self._forget(key, place)
        # Until it has greeted, none of the plugin's code has run.
        if ending is Ending.STOPPED or not host.has_greeted:
            return
        log.warning("plugin_host_ended", ending=ending, **_about(key))
        if self._quarantine.note(_blamed(key)):
            log.error("plugin_quarantined", seconds=self._settings.quarantine, **_about(key))
            self._errands.put_nowait(partial(self._tell_rest, key))

    async def _close(self) -> None:
        self._is_closed = True
        starting = [place.starting for place in self._places.values() if place.starting]
        for key, place in list(self._places.items()):
            self._end(key, place)
        if starting:
            _ = await asyncio.wait(starting)
        for host in self._known:
            host.kill(Ending.STOPPED)
        await self._zygotes.close()
        for host in tuple(self._known):
            await host.over()
        while not self._errands.empty():
            await _run_errand(self._errands.get_nowait())

    def _forget(self, key: HostKey, place: _Place) -> None:
        if self._places.get(key) is place:
            del self._places[key]

    async def _tell_rest(self, key: HostKey) -> None:
        if self._board is not None:
            await self._board.put(
                key.organization,
                key.sha256,
                crashes=self._settings.crashes,
                seconds=self._settings.quarantine,
            )

    async def _run_errands(self) -> None:
        # What the end of a host asks for is told where nothing can be awaited.
        while True:
            await _run_errand(await self._errands.get())

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(min(_OFTEN, self._settings.host_idle / 2))
            self._quarantine.forget_old()
            last = self._now() - self._settings.host_idle
            for key, place in list(self._places.items()):
                host = place.host
                if host is not None and host.is_idle and host.used_at < last:
                    self._end(key, place)


async def _started(starting: "asyncio.Task[PluginHost]") -> PluginHost:
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        caller = asyncio.current_task()
        if starting.cancelled() and caller is not None and not caller.cancelling():
            raise _stopping() from None
        raise


async def _run_errand(errand: Callable[[], Awaitable[None]]) -> None:
    # One that fails must not keep the next ones from being run.
    try:
        await errand()
    except (CadenceError, OSError) as failure:
        log.warning("plugin_errand_failed", error=type(failure).__name__)


def _bounds(settings: PluginSettings) -> HostBounds:
    return HostBounds(
        calls=settings.host_calls,
        waiting_calls=_WAITING_CALLS * settings.host_calls,
        frame_bytes=settings.frame_bytes,
        reply_bytes=largest_reply(
            frame_bytes=settings.frame_bytes, result_bytes=settings.result_bytes
        ),
    )


def _stopping() -> PluginHostUnavailable:
    return PluginHostUnavailable("The service is stopping.")


def _blamed(key: HostKey) -> HostKey:
    # A plugin that crashes does so whichever hosts it may call.
    return key._replace(network=())


def _about(key: HostKey) -> dict[str, str]:
    return {"organization_id": key.organization, "plugin_sha256": key.sha256}
