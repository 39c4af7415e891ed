"""Builds an orchestrator from its blueprint: plugins opened, tools named, the backend asked."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from cadence.config.settings import PluginSettings
from cadence.engine.registry import BackendRegistry
from cadence.engine.spec import AgentSpec, OrchestratorSpec
from cadence.engine.transports import Transports
from cadence.pool.anchoring import Anchoring, ScopedPlugin
from cadence.pool.bundles import Bundle, PluginBundles
from cadence.pool.ports import Blueprint, PluginSource
from cadence.pool.slot import Built
from cadence.pool.stock import Holding, Stock
from cadence.pool.templates import Template, build_template, template_key


class OrchestratorBuilder:
    """Builds whatever a blueprint describes, out of what its organization shares already."""

    def __init__(
        self,
        *,
        bundles: PluginBundles,
        backends: BackendRegistry,
        stock: Stock,
        transports: Transports,
        settings: PluginSettings,
    ) -> None:
        self._bundles = bundles
        self._backends = backends
        self._stock = stock
        self._transports = transports
        self._settings = settings

    async def build(self, blueprint: Blueprint) -> Built:
        """Build one orchestrator; what it holds is let go of when it is closed.

        Raises `PluginBroken`, `PluginSettingsInvalid`, `PackageMissing`, `PackageDamaged`,
        `StoreUnavailable` or `UnsupportedOrchestrator`, and then leaves nothing open.
        """
        async with AsyncExitStack() as opened:
            bundles = []
            for source in blueprint.plugins:
                bundle = await self._bundles.open(blueprint.organization_id, source)
                opened.push_async_callback(bundle.close)
                bundles.append(bundle)
            holding = Holding(self._stock, blueprint.organization_id, transports=self._transports)
            opened.push_async_callback(holding.close)
            template = self._template(blueprint, bundles, holding)
            spec = self._spec(blueprint, template.agents)
            runtime = await self._backends.build(spec, template.invoker, sharing=holding)
            opened.pop_all()
            return Built(
                build_hash=blueprint.build_hash,
                model=blueprint.model,
                runtime=runtime,
                # A template is given back before the plugins that it calls.
                parts=[holding, *bundles],
                anchoring=_anchoring(blueprint.plugins, bundles),
            )

    def _template(
        self, blueprint: Blueprint, bundles: Sequence[Bundle], holding: Holding
    ) -> Template:
        plugins = [bundle.plugin for bundle in bundles]

        def build() -> Template:
            return build_template(
                blueprint.plugins,
                plugins,
                call_timeout=self._settings.call_timeout,
                result_bytes=self._settings.result_bytes,
            )

        return holding.take_template(template_key(blueprint, bundles), build)

    def _spec(self, blueprint: Blueprint, agents: tuple[AgentSpec, ...]) -> OrchestratorSpec:
        return OrchestratorSpec(
            organization_id=str(blueprint.organization_id),
            orchestrator_id=str(blueprint.orchestrator_id),
            name=blueprint.name,
            config_hash=blueprint.build_hash,
            framework=blueprint.framework,
            mode=blueprint.mode,
            model=blueprint.model,
            agents=agents,
            limits=replace(blueprint.limits, tool_result_bytes=self._settings.result_bytes),
            nodes=blueprint.nodes,
            use_llm_validation=blueprint.use_llm_validation,
            entry_agent=blueprint.entry_agent,
            handoff_instructions=blueprint.handoff_instructions,
        )


def _anchoring(sources: Sequence[PluginSource], bundles: Sequence[Bundle]) -> Anchoring:
    return Anchoring(
        plugins=[
            ScopedPlugin(title=source.title, plugin=bundle.plugin)
            for source, bundle in zip(sources, bundles, strict=True)
            if bundle.plugin.is_scoped
        ]
    )
