"""Chooses where plugins' code runs, by the level that this machine reaches."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cadence.config.settings import PluginSettings
from cadence.infra.telemetry.metrics import Metrics
from cadence.plugin_host.commands import zygote_command
from cadence.plugin_host.described import PluginDescriber
from cadence.plugin_host.egress.proxies import EgressProxies
from cadence.plugin_host.host import Ending
from cadence.plugin_host.hosted_describing import HostedDescriber
from cadence.plugin_host.hosts import PluginHosts
from cadence.plugin_host.in_process import InProcessPlugins
from cadence.plugin_host.in_process_describing import InProcessDescriber
from cadence.plugin_host.isolation import Isolation, IsolationLevel
from cadence.plugin_host.ports import PluginOpener
from cadence.plugin_host.quarantine_board import QuarantineBoard
from cadence.plugin_host.refusing import RefusedPlugins
from cadence.plugin_host.zygotes import Zygotes


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginParts:
    """What runs plugins for turns, and what runs them once to hear what they are."""

    isolation: Isolation
    opener: PluginOpener
    describer: PluginDescriber


@asynccontextmanager
async def open_plugins(
    isolation: Isolation,
    *,
    settings: PluginSettings,
    folder: Path,
    threads: Executor,
    board: QuarantineBoard,
    proxies: EgressProxies,
    metrics: Metrics,
) -> AsyncIterator[PluginParts]:
    """Yield what runs plugins that were unpacked below `folder`; their hosts end with the block.

    `threads` run the code of plugins where isolation is off.
    """
    level, within = isolation.level, settings.init_timeout
    if level is None:
        refused = RefusedPlugins(cause=isolation.cause, remedy=isolation.remedy)
        yield PluginParts(isolation=isolation, opener=refused, describer=refused)
    elif level is IsolationLevel.OFF:
        yield PluginParts(
            isolation=isolation,
            opener=InProcessPlugins(threads, within=within),
            describer=InProcessDescriber(threads, within=within),
        )
    else:
        hosts = build_hosts(
            isolation,
            settings=settings,
            folder=folder,
            board=board,
            proxies=proxies,
            count_end=lambda ending: metrics.plugin_host_ends.labels(ending).inc(),
        )
        metrics.plugin_hosts.set_function(lambda: hosts.count)
        async with hosts.running():
            describer = HostedDescriber(hosts, folder=folder, within=within)
            yield PluginParts(isolation=isolation, opener=hosts, describer=describer)


def build_hosts(
    isolation: Isolation,
    *,
    settings: PluginSettings,
    folder: Path,
    board: QuarantineBoard | None = None,
    proxies: EgressProxies | None = None,
    count_end: Callable[[Ending], None] = lambda _: None,
) -> PluginHosts:
    """Return hosts; whoever builds them runs them. Raises `ValueError` for a level without."""
    level = isolation.level
    if level is None:
        raise ValueError("Where plugins are refused there are no hosts.")
    # Both the sandbox and the hosts name it in full.
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    zygotes = Zygotes(
        lambda descriptor: zygote_command(
            level, descriptor=descriptor, bubblewrap=isolation.bubblewrap, folder=folder
        )
    )
    return PluginHosts(
        zygotes, level=level, settings=settings, board=board, proxies=proxies, count_end=count_end
    )
