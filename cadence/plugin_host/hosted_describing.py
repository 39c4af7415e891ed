"""Asks a package's code what it is, in a host that it gets for this alone."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.described import PluginDescription
from cadence.plugin_host.errors import PluginBroken
from cadence.plugin_host.host import HostEnded
from cadence.plugin_host.hosts import PluginHosts
from cadence.plugin_host.package import read_package
from cadence.plugin_host.ports import PluginToOpen
from cadence.plugin_host.replies import ReplyInvalid, read_answer
from cadence.plugin_host.unpacking import unpack

# How many are asked at once, in hosts that count towards no other limit; an organization has one of
# them, so that uploads that hang hold up nobody else's.
_AT_ONCE: Final = 8
# Seconds beyond those that the plugin itself is given.
_MARGIN: Final = 1.0
_TRIALS: Final = ".trials"


class HostedDescriber:
    """A `PluginDescriber`; what it unpacks below `folder` is gone afterwards."""

    def __init__(self, hosts: PluginHosts, *, folder: Path, within: float) -> None:
        self._hosts = hosts
        self._folder = folder
        self._within = within
        self._free = asyncio.Semaphore(_AT_ONCE)
        # An organization's is there for as long as somebody holds it or waits for it.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def describe(
        self, *, organization: str, sha256: str, content: bytes
    ) -> PluginDescription:
        """Do what `PluginDescriber.describe` promises."""
        turn = self._turns.setdefault(organization, asyncio.Lock())
        async with turn, self._free:
            draft = await asyncio.to_thread(self._unpack, content)
            try:
                plugin = PluginToOpen(
                    organization=organization,
                    owner=organization,
                    sha256=sha256,
                    folder=draft / "plugin",
                    settings={},
                )
                return await self._ask(plugin)
            finally:
                await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)

    async def _ask(self, plugin: PluginToOpen) -> PluginDescription:
        with _as_broken():
            async with self._hosts.trial(plugin) as host:
                reply = await host.ask("describe", within=self._within + _MARGIN)
                return PluginDescription.from_told(read_answer(reply))

    def _unpack(self, content: bytes) -> Path:
        trials = self._folder / _TRIALS
        trials.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=trials))
        try:
            unpack(read_package(content), draft / "plugin")
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return draft


@contextmanager
def _as_broken() -> Iterator[None]:
    try:
        yield
    except HostEnded:
        raise PluginBroken("The plugin's process ended when it was asked what it is.") from None
    except (ReplyInvalid, ResultTooLarge, ResultUnreadable, ToolRaised, ToolUnavailable):
        raise PluginBroken("What the plugin says of itself cannot be read.") from None
