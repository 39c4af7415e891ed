"""All hosts of this process: started when needed, bounded in number, ended when idle."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import structlog

from cadence.config.settings import PluginSettings
from cadence.kernel.own_task import own_task
from cadence.plugin_host.commands import host_readable
from cadence.plugin_host.errors import PluginHostUnavailable, PluginQuarantined
from cadence.plugin_host.host import Ending, HostEnded, PluginHost
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.inside.confinement.limits import HostLimits
from cadence.plugin_host.inside.plan import HostPlan
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.output import follow
from cadence.plugin_host.ports import PluginToOpen
from cadence.plugin_host.quarantine import Quarantine
from cadence.plugin_host.quarantine_board import QuarantineBoard
from cadence.plugin_host.zygotes import HostStartFailed, Zygotes

log = structlog.get_logger(__name__)

# Seconds for a host to lock itself in; it takes some milliseconds.
_GREET_WITHIN: Final = 10.0
_OFTEN: Final = 30.0


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


class PluginHosts:
    """A `PluginOpener` whose plugins run in processes of their own."""

    def __init__(
        self,
        zygotes: Zygotes,
        *,
        level: IsolationLevel,
        settings: PluginSettings,
        board: QuarantineBoard | None = None,
    ) -> None:
        self._zygotes = zygotes
        self._level = level
        self._settings = settings
        self._places: dict[HostKey, _Place] = {}
        self._now: Callable[[], float] = lambda: asyncio.get_running_loop().time()
        self._board = board
        self._to_tell: asyncio.Queue[HostKey] = asyncio.Queue()
        self._quarantine = Quarantine(
            crashes=settings.crashes, rest=settings.quarantine, now=self._now
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """End idle hosts while the block runs, and all of them after it."""
        try:
            async with own_task(self._reap()), own_task(self._tell()):
                yield
        finally:
            for key, place in list(self._places.items()):
                self._end(key, place)
            await self._zygotes.close()

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
        if place is None or (place.host is not None and not place.host.is_alive):
            self._places.pop(key, None)
            self._check_rest(key)
            self._make_room(key.organization)
            place = self._places[key] = _Place()
        if place.host is not None:
            return place.host
        if place.starting is None:
            # Whoever waits may go away; others wait for the same host, and so does the zygote.
            place.starting = asyncio.get_running_loop().create_task(self._start(key, plugin))
        return await asyncio.shield(place.starting)

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
            spawned = await self._zygotes.spawn(self._plan(plugin))
        except HostStartFailed as failure:
            log.warning("plugin_host_not_started", why=str(failure))
            raise PluginHostUnavailable("No process could be started for the plugin.") from None
        about = {"organization_id": key.organization, "plugin_sha256": key.sha256}
        await follow(spawned.output, about, bytes_per_minute=self._settings.log_bytes_per_minute)
        host = PluginHost(
            spawned,
            calls=self._settings.host_calls,
            frame_bytes=self._settings.frame_bytes,
            on_end=lambda host, ending: self._note_end(key, host, ending),
        )
        await asyncio.get_running_loop().create_connection(lambda: host, sock=spawned.connection)
        try:
            await host.greeted(within=_GREET_WITHIN)
        except (TimeoutError, HostEnded):
            host.kill(Ending.STOPPED)
            log.warning("plugin_host_not_locked_in", **about)
            raise PluginHostUnavailable("No process could be locked in for the plugin.") from None
        return host

    def _plan(self, plugin: PluginToOpen) -> HostPlan:
        settings = self._settings
        return HostPlan(
            folder=str(plugin.folder.resolve()),
            level=self._level,
            readable=host_readable(),
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
        place = self._places.get(key)
        if place is not None and place.host is host:
            self._forget(key, place)
        if ending is Ending.STOPPED:
            return
        log.warning(
            "plugin_host_ended",
            ending=ending,
            organization_id=key.organization,
            plugin_sha256=key.sha256,
        )
        if self._quarantine.note(_blamed(key)):
            log.error(
                "plugin_quarantined",
                organization_id=key.organization,
                plugin_sha256=key.sha256,
                seconds=self._settings.quarantine,
            )
            self._to_tell.put_nowait(key)

    def _forget(self, key: HostKey, place: _Place) -> None:
        if self._places.get(key) is place:
            del self._places[key]

    async def _tell(self) -> None:
        settings = self._settings
        while True:
            key = await self._to_tell.get()
            if self._board is not None:
                await self._board.put(
                    key.organization,
                    key.sha256,
                    crashes=settings.crashes,
                    seconds=settings.quarantine,
                )

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(min(_OFTEN, self._settings.host_idle / 2))
            self._quarantine.forget_old()
            last = self._now() - self._settings.host_idle
            for key, place in list(self._places.items()):
                host = place.host
                if host is not None and host.is_idle and host.used_at < last:
                    self._end(key, place)


def _blamed(key: HostKey) -> HostKey:
    # A plugin that crashes does so whichever hosts it may call.
    return key._replace(network=())
