"""Turns an orchestrator's row into what the pool builds."""

from dataclasses import replace

from cadence.domains.llm_configs.service import LlmConfigService
from cadence.domains.orchestrators.checking import models_by_path, nodes_of, parse_config
from cadence.domains.orchestrators.errors import OrchestratorNotFound
from cadence.domains.orchestrators.hashing import build_hash
from cadence.domains.orchestrators.plugin_values import PluginValueSealer
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.schemas import OrchestratorConfig
from cadence.domains.plugins.service import PluginCatalog, owner_of
from cadence.engine.modes import Framework, Mode, SupervisorNode
from cadence.engine.spec import Limits, ModelSpec, NodeSpec
from cadence.infra.database.tables import Orchestrator
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
        sealer: Sealer,
    ) -> None:
        self._organization_id = organization_id
        self._orchestrators = orchestrators
        self._llm_configs = llm_configs
        self._plugins = plugins
        self._sealer = sealer

    async def read(self, orchestrator_id: OrchestratorId) -> Blueprint:
        """Resolve an orchestrator; raises `OrchestratorNotFound` or `SecretUnreadable`."""
        row = await self._orchestrators.find(orchestrator_id)
        if row is None:
            raise OrchestratorNotFound
        config = parse_config(row.config)
        named = set(models_by_path(config).values())
        models = await self._llm_configs.resolve(named)
        versions = {int(number): model.version for number, model in models.items()}
        return Blueprint(
            organization_id=self._organization_id,
            orchestrator_id=orchestrator_id,
            name=row.name,
            build_hash=build_hash(row.config_hash, versions),
            framework=Framework(row.framework_type),
            mode=Mode(row.mode),
            model=_adapted(models[LlmConfigId(config.default_llm_config_id)], config),
            nodes=_nodes(config, dict(models)),
            limits=_limits(config),
            use_llm_validation=config.mode_config.use_llm_validation,
            plugins=await self._sources(row),
        )

    async def _sources(self, row: Orchestrator) -> tuple[PluginSource, ...]:
        plugin_ids = (await self._orchestrators.list_plugins([row.id]))[row.id]
        plugins = await self._plugins.find_usable(plugin_ids)
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
                settings=seals.open(plugin.id, row.plugin_settings.get(str(plugin.id), {})),
            )
            for plugin in (plugins[plugin_id] for plugin_id in plugin_ids)
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
    return Limits(
        max_agent_hops=mode.max_agent_hops,
        invoke_timeout=mode.invoke_timeout,
        supervisor_timeout=mode.supervisor_timeout,
        parallel_tool_calls=mode.parallel_tool_calls,
    )
