"""All hosts of this process: started when needed, bounded in number, ended when idle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, Self

import structlog

from cadence.config.settings import PluginSettings
from cadence.kernel.errors import CadenceError
from cadence.kernel.own_task import own_task
from cadence.plugin_host.egress.proxies import EgressProxies
from cadence.plugin_host.errors import PluginHostUnavailable, PluginQuarantined
from cadence.plugin_host.host import Ending, PluginHost
from cadence.plugin_host.host_starting import HostStarter
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.ports import PluginToOpen
from cadence.plugin_host.quarantine import Quarantine
from cadence.plugin_host.quarantine_board import QuarantineBoard
from cadence.plugin_host.zygotes import Zygotes

log = structlog.get_logger(__name__)

# Seconds between two looks for hosts that are idle.
_OFTEN: Final = 30.0


class HostKey(NamedTuple):
    """What makes two plugins share a process: whose turns, whose package, and what it may call."""

    organization: str
    owner: str
    sha256: str
    network: tuple[str, ...]

    @classmethod
    def of(cls, plugin: PluginToOpen) -> Self:
        """Return the key of the host that a plugin belongs into."""
        return cls(plugin.organization, plugin.owner, plugin.sha256, plugin.network)


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
        proxies: EgressProxies | None = None,
        count_end: Callable[[Ending], None] = lambda _: None,
    ) -> None:
        self._starter = HostStarter(zygotes, level=level, settings=settings, proxies=proxies)
        self._settings = settings
        self._places: dict[HostKey, _Place] = {}
        self._is_closed = False
        self._now: Callable[[], float] = lambda: asyncio.get_running_loop().time()
        self._board = board
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
        key = HostKey.of(plugin)
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
        key = HostKey.of(plugin)
        host = await self._spawn(key, plugin)
        try:
            yield host
        finally:
            host.kill(Ending.STOPPED)

    def process_of(self, plugin: PluginToOpen) -> PluginHost | None:
        """Return the host of a plugin as it is now; for tests and measurements."""
        key = HostKey.of(plugin)
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
        def note_end(host: PluginHost, ending: Ending) -> None:
            self._note_end(key, host, ending)

        return await self._starter.start(
            plugin, about=_about(key), on_end=note_end, when_gone=self._errands.put_nowait
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
        await self._starter.close()
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


def _stopping() -> PluginHostUnavailable:
    return PluginHostUnavailable("The service is stopping.")


def _blamed(key: HostKey) -> HostKey:
    # A plugin that crashes does so whichever hosts it may call.
    return key._replace(network=())


def _about(key: HostKey) -> dict[str, str]:
    return {"organization_id": key.organization, "plugin_sha256": key.sha256}
