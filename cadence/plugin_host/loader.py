"""Opens a plugin inside this process: loads it and starts its agent."""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from cadence_sdk.agents import BaseAgent
from cadence_sdk.checking.loading import find_plugin_line
from cadence_sdk.checking.problems import PackageRejected
from cadence_sdk.plugin import BasePlugin
from cadence_sdk.settings import SettingsInvalid, resolve_settings

from cadence.kernel.errors import CadenceError, FieldProblem
from cadence.plugin_host.border import Border
from cadence.plugin_host.describing import Description, describe, require_agent
from cadence.plugin_host.errors import (
    PluginBroken,
    PluginEscaped,
    PluginSettingsInvalid,
    as_fields,
)
from cadence.plugin_host.loaded import LoadedModules, LoadedPlugin, stop
from cadence.plugin_host.ports import LoadedTool, PluginIdentity

__all__ = ["LoadedPlugin", "LoadedTool", "PluginIdentity", "open_plugin"]

START_WITHIN: Final = 10.0

log = structlog.get_logger(__name__)


async def open_plugin(
    folder: Path,
    *,
    settings: Mapping[str, object],
    executor: Executor,
    expected: PluginIdentity | None = None,
    within: float = START_WITHIN,
) -> LoadedPlugin:
    """Load an unpacked plugin, give it its settings and return it ready to be called.

    The caller closes it. Sync code of the plugin runs on the threads of `executor`, whose number
    bounds how many of its calls run at once. `within` is in seconds, for everything together.

    Raises `PluginSettingsInvalid` when `settings` do not fit; `PluginBroken` when the plugin's code
    fails, takes too long, or calls itself something else than `expected`.
    """
    opening = _Opening(folder, Border(executor))
    try:
        async with asyncio.timeout(within):
            plugin = await opening.run(settings)
        _check_identity(plugin, expected)
    except TimeoutError:
        await opening.abandon()
        raise PluginBroken(f"The plugin did not start within {within:g} seconds.") from None
    except BaseException:
        await opening.abandon()
        raise
    return plugin


class _Opening:
    """What has been opened so far, so that a failure half-way can close it again."""

    def __init__(self, folder: Path, border: Border) -> None:
        self._modules = LoadedModules(folder)
        self._border = border
        self._agent: BaseAgent | None = None

    async def run(self, settings: Mapping[str, object]) -> LoadedPlugin:
        """Take every step; raises `PluginBroken` naming the one that failed."""
        with self._broken_when("loading its code"):
            plugin_class: type[BasePlugin] = await self._border.call(self._modules.load)
        with self._broken_when("reading its settings"):
            resolved = await self._border.call(partial(_resolve, plugin_class, settings))
        with self._broken_when("creating its agent"):
            self._agent = require_agent(await self._border.call(plugin_class.create_agent))
        with self._broken_when("initializing its agent"):
            await self._border.call(self._agent.initialize, resolved)
        with self._broken_when("listing its tools"):
            description: Description = await self._border.call(
                partial(describe, plugin_class, self._agent)
            )
        return LoadedPlugin(
            description, agent=self._agent, modules=self._modules, border=self._border
        )

    async def abandon(self) -> None:
        """Close what has been opened."""
        await stop(self._agent, modules=self._modules, border=self._border)

    @contextmanager
    def _broken_when(self, step: str) -> Iterator[None]:
        try:
            yield
        except CadenceError:
            raise
        except PackageRejected as rejected:
            fields = as_fields(rejected.problems)
            raise PluginBroken("The plugin cannot be loaded.", fields=fields) from rejected
        except Exception as error:
            raise self._broken(step, error) from error

    def _broken(self, step: str, error: Exception) -> PluginBroken:
        cause = error.__cause__ if isinstance(error, PluginEscaped) else error
        name = type(cause).__name__
        file, line = find_plugin_line(cause or error, self._modules.home) or (None, None)
        # The error's own text may hold a setting, so neither the log nor the tenant gets it.
        log.warning("plugin_broken", step=step, error=name, file=file, line=line)
        place = "" if file is None else f" at {file}:{line}"
        return PluginBroken(f"The plugin raised {name} while {step}{place}.")


def _resolve(plugin_class: type[BasePlugin], given: Mapping[str, object]) -> dict[str, Any]:
    try:
        return resolve_settings(plugin_class.get_settings_schema(), given)
    except SettingsInvalid as invalid:
        fields = [FieldProblem(problem.key, problem.message) for problem in invalid.problems]
        raise PluginSettingsInvalid(fields) from None


def _check_identity(plugin: LoadedPlugin, expected: PluginIdentity | None) -> None:
    # A plugin must not show one face to the catalog and another at run time (SECURITY.md §4).
    if expected is None or (plugin.pid, plugin.version) == (expected.pid, expected.version):
        return
    raise PluginBroken("The plugin's pid or version differs from what its package declared.")
