"""Builds an orchestrator from its blueprint: plugins opened, tools named, the backend asked."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from cadence.config.settings import PluginSettings
from cadence.engine.registry import BackendRegistry
from cadence.engine.spec import AgentSpec, OrchestratorSpec, ToolSpec
from cadence.engine.tool_invoker import CheckedInvoker
from cadence.engine.tool_names import model_names
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.plugin_host.loader import LoadedPlugin, PluginIdentity, open_plugin
from cadence.plugin_host.package import read_package
from cadence.plugin_host.unpacking import is_unpacked, unpack
from cadence.pool.ports import Blueprint, BlueprintSource, Packages, PluginSource
from cadence.pool.slot import Built


class OrchestratorBuilder:
    """Builds whatever `source` describes; packages are unpacked below `folder`, once each."""

    def __init__(
        self,
        *,
        source: BlueprintSource,
        packages: Packages,
        backends: BackendRegistry,
        folder: Path,
        threads: Executor,
        settings: PluginSettings,
    ) -> None:
        self._source = source
        self._packages = packages
        self._backends = backends
        self._folder = folder
        self._threads = threads
        self._settings = settings

    async def build(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId
    ) -> Built:
        """Build one orchestrator as it is configured now; what it opened closes with it.

        Raises `NotFound`, `PluginBroken`, `PluginSettingsInvalid`, `SecretUnreadable` or
        `UnsupportedOrchestrator`, and then leaves nothing open.
        """
        blueprint = await self._source.load(organization_id, orchestrator_id)
        async with AsyncExitStack() as opened:
            plugins = []
            for source in blueprint.plugins:
                plugin = await self._open(source)
                opened.push_async_callback(plugin.close)
                plugins.append(plugin)
            built = await self._assemble(blueprint, plugins)
            opened.pop_all()
            return built

    async def _assemble(self, blueprint: Blueprint, plugins: Sequence[LoadedPlugin]) -> Built:
        agents = _agents(blueprint.plugins, plugins, call_timeout=self._settings.call_timeout)
        limits = replace(blueprint.limits, tool_result_bytes=self._settings.result_bytes)
        spec = OrchestratorSpec(
            organization_id=str(blueprint.organization_id),
            orchestrator_id=str(blueprint.orchestrator_id),
            name=blueprint.name,
            config_hash=blueprint.build_hash,
            framework=blueprint.framework,
            mode=blueprint.mode,
            model=blueprint.model,
            agents=agents,
            limits=limits,
            nodes=blueprint.nodes,
            use_llm_validation=blueprint.use_llm_validation,
            entry_agent=blueprint.entry_agent,
            handoff_instructions=blueprint.handoff_instructions,
        )
        code = {plugin.pid: plugin for plugin in plugins}
        tools = CheckedInvoker(agents, code, result_bytes=limits.tool_result_bytes)
        runtime = await self._backends.build(spec, tools)
        return Built(
            build_hash=blueprint.build_hash,
            model=blueprint.model,
            runtime=runtime,
            plugins=plugins,
        )

    async def _open(self, source: PluginSource) -> LoadedPlugin:
        folder = self._folder / source.owner / source.sha256
        if not is_unpacked(folder):
            content = await self._packages.get(source.sha256, owner=source.owner)
            await asyncio.to_thread(_unpack, content, folder)
        return await open_plugin(
            folder,
            settings=source.settings,
            executor=self._threads,
            expected=PluginIdentity(pid=source.pid, version=source.version),
            within=self._settings.init_timeout,
        )


def _unpack(content: bytes, folder: Path) -> None:
    unpack(read_package(content), folder)


def _agents(
    sources: Sequence[PluginSource], plugins: Sequence[LoadedPlugin], *, call_timeout: float
) -> tuple[AgentSpec, ...]:
    qualified = [f"{plugin.pid}.{tool.name}" for plugin in plugins for tool in plugin.tools]
    names = model_names(qualified)
    return tuple(
        AgentSpec(
            name=plugin.pid,
            title=source.title,
            description=source.description,
            system_prompt=plugin.system_prompt,
            tools=_tools(plugin, names, call_timeout=call_timeout),
        )
        for source, plugin in zip(sources, plugins, strict=True)
    )


def _tools(
    plugin: LoadedPlugin, names: dict[str, str], *, call_timeout: float
) -> tuple[ToolSpec, ...]:
    return tuple(
        ToolSpec(
            qualified_name=f"{plugin.pid}.{tool.name}",
            model_name=names[f"{plugin.pid}.{tool.name}"],
            description=tool.description,
            parameters=tool.parameters,
            needs_validation=tool.needs_validation,
            timeout=call_timeout,
        )
        for tool in plugin.tools
    )
