"""Asks an unpacked plugin what it is, by running it; to be called where that can do no harm."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
from cadence_sdk.agents import BaseAgent
from cadence_sdk.checking.loading import find_plugin_line
from cadence_sdk.checking.problems import PackageRejected
from cadence_sdk.metadata import PluginMetadata
from cadence_sdk.plugin import BasePlugin
from cadence_sdk.settings import check_schema, resolve_settings
from cadence_sdk.structure import placeholders

from cadence.kernel.errors import CadenceError
from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable, write_plain_json
from cadence.plugin_host.border import Border
from cadence.plugin_host.described import (
    LARGEST_DESCRIPTION,
    PluginDescription,
    broken_at,
)
from cadence.plugin_host.describing import Description, describe, require_agent
from cadence.plugin_host.errors import PluginBroken, PluginEscaped, as_fields
from cadence.plugin_host.loaded import LoadedModules, stop

DESCRIBE_WITHIN: Final = 10.0
Schema = Sequence[Mapping[str, Any]]


async def ask_plugin(
    folder: Path, *, executor: Executor, within: float = DESCRIBE_WITHIN
) -> PluginDescription:
    """Load a plugin, ask what it is, and forget it again; `within` is in seconds.

    Its tools are asked of an agent with default settings, and placeholders for those that are
    required and have none. Such an agent may refuse, as may one that needs its network: its tools
    are not known then. Raises `PluginBroken` with file and line when anything else fails.
    """
    asking = _Asking(folder, Border(executor))
    try:
        async with asyncio.timeout(within):
            return await asking.run()
    except TimeoutError:
        raise PluginBroken(
            f"The plugin did not say what it is within {within:g} seconds."
        ) from None
    finally:
        await asking.end()


class _Asking:
    """One plugin for as long as it is asked."""

    def __init__(self, folder: Path, border: Border) -> None:
        self._modules = LoadedModules(folder)
        self._border = border
        self._agent: BaseAgent | None = None

    async def run(self) -> PluginDescription:
        """Take every step; raises `PluginBroken` naming the one that failed."""
        call = self._border.call
        with self._broken_when("loading its code"):
            plugin_class: type[BasePlugin] = await call(self._modules.load)
        with self._broken_when("reading its metadata"):
            metadata = _require_metadata(await call(plugin_class.get_metadata))
        with self._broken_when("reading its settings"):
            schema: Schema = await call(partial(_read_schema, plugin_class))
        told = {
            "pid": metadata.pid,
            "version": metadata.version,
            "settings_schema": schema,
            "tools": await self._tools(plugin_class, schema, needs_network=_has_network(metadata)),
        }
        return PluginDescription.from_told(_as_json(told))

    async def end(self) -> None:
        """Let go of what has been opened."""
        await stop(self._agent, modules=self._modules, border=self._border)

    async def _tools(
        self, plugin_class: type[BasePlugin], schema: Schema, *, needs_network: bool
    ) -> list[dict[str, str]] | None:
        samples = placeholders(schema)
        try:
            description = await self._describe(plugin_class, resolve_settings(schema, samples))
        except PluginBroken:
            if samples or needs_network:
                return None
            raise
        tools = (each.tool for each in description.tools.values())
        return [{"name": str(tool.name), "description": str(tool.description)} for tool in tools]

    async def _describe(
        self, plugin_class: type[BasePlugin], settings: Mapping[str, Any]
    ) -> Description:
        with self._broken_when("creating its agent"):
            self._agent = require_agent(await self._border.call(plugin_class.create_agent))
        with self._broken_when("initializing its agent"):
            await self._border.call(self._agent.initialize, dict(settings))
        with self._broken_when("listing its tools"):
            described: Description = await self._border.call(
                partial(describe, plugin_class, self._agent)
            )
        return described

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
        file, line = find_plugin_line(cause or error, self._modules.home) or (None, None)
        # The error's own text may say anything.
        return broken_at(f"The plugin raised {type(cause).__name__} while {step}.", file, line)


def _require_metadata(metadata: object) -> PluginMetadata:
    if not isinstance(metadata, PluginMetadata):
        raise PluginBroken("The plugin's get_metadata() must return a PluginMetadata.")
    return metadata


def _read_schema(plugin_class: type[BasePlugin]) -> Schema:
    return check_schema(plugin_class.get_settings_schema())


def _has_network(metadata: PluginMetadata) -> bool:
    return bool(getattr(metadata, "network", ()))


def _as_json(told: Mapping[str, Any]) -> object:
    # Whatever the plugin made its texts of, only plain ones leave.
    try:
        return orjson.loads(write_plain_json(told, limit=LARGEST_DESCRIPTION))
    except (ResultTooLarge, ResultUnreadable):
        raise PluginBroken("What the plugin says of itself is too long, or no JSON.") from None
