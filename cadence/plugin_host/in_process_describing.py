"""Asks plugins what they are inside this process: for developers, where isolation is off."""

import asyncio
from concurrent.futures import Executor
from pathlib import Path
from tempfile import TemporaryDirectory

from cadence.plugin_host.described import PluginDescription
from cadence.plugin_host.introspection import DESCRIBE_WITHIN, ask_plugin
from cadence.plugin_host.package import read_package
from cadence.plugin_host.unpacking import unpack


class InProcessDescriber:
    """A `PluginDescriber` without any wall; `within` is in seconds."""

    def __init__(self, executor: Executor, *, within: float = DESCRIBE_WITHIN) -> None:
        self._executor = executor
        self._within = within

    async def describe(
        self,
        *,
        organization: str,  # noqa: ARG002  # one process is for all of them
        sha256: str,
        content: bytes,
    ) -> PluginDescription:
        """Do what `PluginDescriber.describe` promises, but for any wall."""
        with TemporaryDirectory(prefix="cadence-describe-") as folder:
            home = Path(folder) / sha256
            await asyncio.to_thread(_unpack, content, home)
            return await ask_plugin(home, executor=self._executor, within=self._within)


def _unpack(content: bytes, folder: Path) -> None:
    unpack(read_package(content), folder)
