"""Turns an orchestrator's row into what the pool builds."""

from collections.abc import Sequence
from dataclasses import replace

from cadence.domains.llm_configs.service import LlmConfigService
from cadence.domains.orchestrators.checking import (
    find_entry,
    models_by_path,
    nodes_of,
    parse_config,
    settle,
)
from cadence.domains.orchestrators.choices import ids_of
from cadence.domains.orchestrators.errors import OrchestratorNotFound
from cadence.domains.orchestrators.hashing import build_hash
from cadence.domains.orchestrators.plugin_values import PluginValueSealer
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.schemas import (
    CoordinatorConfig,
    HandoffConfig,
    OrchestratorConfig,
    SupervisorConfig,
)
from cadence.domains.plugins.mcp_endpoints import McpEndpoints
from cadence.domains.plugins.service import PluginCatalog, owner_of
from cadence.domains.settings.service import TierReader
from cadence.engine.modes import Framework, Mode, SupervisorNode
from cadence.engine.spec import Limits, ModelSpec, NodeSpec
from cadence.infra.database.tables import Orchestrator, Plugin
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.ids import LlmConfigId, OrchestratorId, OrganizationId
from cadence.pool.ports import Blueprint, PluginSource


class BlueprintReader:
    """Reads one organization's orchestrators whole: models with their keys, plugins, limits."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        orchestrators: OrchestratorRepository,
        llm_configs: LlmConfigService,
        plugins: PluginCatalog,
        mcp_servers: McpEndpoints,
        tiers: TierReader,
        sealer: Sealer,
    ) -> None:
        self._organization_id = organization_id
        self._orchestrators = orchestrators
        self._llm_configs = llm_configs
        self._plugins = plugins
        self._mcp_servers = mcp_servers
        self._tiers = tiers
        self._sealer = sealer

    async def read(self, orchestrator_id: OrchestratorId) -> Blueprint:
        """Resolve an orchestrator; raises `OrchestratorNotFound` or `SecretUnreadable`."""
        row = await self._orchestrators.find(orchestrator_id)
        if row is None:
            raise OrchestratorNotFound
        mode = Mode(row.mode)
        settled = settle(row.config, await self._tiers.read())
        config = parse_config(mode, settled)
        plugins = await self._plugins_of(row)
        own = config.mode_config
        named = set(models_by_path(config).values())
        models = await self._llm_configs.resolve(named)
        versions = {int(number): model.version for number, model in models.items()}
        return Blueprint(
            organization_id=self._organization_id,
            orchestrator_id=orchestrator_id,
            name=row.name,
            build_hash=build_hash(row.config_hash, versions, settled),
            framework=Framework(row.framework_type),
            mode=mode,
            model=_adapted(models[LlmConfigId(config.default_llm_config_id)], config),
            nodes=_nodes(config, dict(models)),
            limits=_limits(config),
            use_llm_validation=isinstance(own, SupervisorConfig) and own.use_llm_validation,
            entry_agent=find_entry(config, {plugin.id: plugin.pid for plugin in plugins}),
            handoff_instructions=(
                own.handoff_instructions if isinstance(own, HandoffConfig) else None
            ),
            plugins=await self._sources(row, plugins),
        )

    async def _plugins_of(self, row: Orchestrator) -> list[Plugin]:
        plugin_ids = ids_of((await self._orchestrators.list_plugins([row.id]))[row.id])
        plugins = await self._plugins.find_usable(plugin_ids)
        return [plugins[plugin_id] for plugin_id in plugin_ids]

    async def _sources(
        self, row: Orchestrator, plugins: Sequence[Plugin]
    ) -> tuple[PluginSource, ...]:
        hosts = await self._plugins.open_to(plugins)
        servers = await self._mcp_servers.of(plugins)
        seals = PluginValueSealer(
            sealer=self._sealer,
            organization_id=self._organization_id,
            orchestrator_id=OrchestratorId(row.id),
        )
        return tuple(
            PluginSource(
                pid=plugin.pid,
                version=plugin.version,
                title=plugin.name,
                description=plugin.description,
                owner=owner_of(plugin),
                sha256=plugin.sha256,
                stateless=plugin.stateless,
                settings=seals.open(plugin.id, row.plugin_settings.get(str(plugin.id), {})),
                network=hosts.get(plugin.id, ()),
                mcp=servers.get(plugin.id),
            )
            for plugin in plugins
        )


def _adapted(model: ModelSpec, config: OrchestratorConfig) -> ModelSpec:
    mode = config.mode_config
    return replace(
        model,
        temperature=mode.temperature,
        max_tokens=mode.max_tokens,
        timeout=mode.supervisor_timeout,
    )


def _nodes(
    config: OrchestratorConfig, models: dict[LlmConfigId, ModelSpec]
) -> dict[SupervisorNode, NodeSpec]:
    return {
        node: NodeSpec(
            model=None
            if given.llm_config_id is None
            else _adapted(models[LlmConfigId(given.llm_config_id)], config),
            prompt=given.prompt_override,
        )
        for node, given in nodes_of(config).items()
    }


def _limits(config: OrchestratorConfig) -> Limits:
    mode = config.mode_config
    usual = Limits().consecutive_agent_route_limit
    return Limits(
        max_agent_hops=mode.max_agent_hops,
        consecutive_agent_route_limit=(
            mode.consecutive_agent_route_limit if isinstance(mode, CoordinatorConfig) else usual
        ),
        invoke_timeout=mode.invoke_timeout,
        supervisor_timeout=mode.supervisor_timeout,
        parallel_tool_calls=mode.parallel_tool_calls,
    )
