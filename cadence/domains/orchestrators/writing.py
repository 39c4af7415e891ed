"""Writes what a build reads: checked, hashed and announced, whichever call it came from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from cadence.domains.llm_configs.service import LlmConfigService
from cadence.domains.orchestrators.checking import (
    UNKNOWN_MODEL,
    entry_problems,
    models_by_path,
    parse_config,
    prompt_problems,
)
from cadence.domains.orchestrators.hashing import content_hash
from cadence.domains.orchestrators.plugin_values import MASK, PluginValueSealer, problems_with
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.schemas import OrchestratorConfig
from cadence.domains.plugins.service import PluginCatalog
from cadence.engine.modes import Mode
from cadence.infra.database.tables import Orchestrator, Plugin
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import OrchestratorId, OrganizationId

Announce = Callable[[OrchestratorEvent], None]
ValuesByPlugin = Mapping[UUID, Mapping[str, Any]]


class OrchestratorWriter:
    """Stores one organization's orchestrators; nothing that is wrong gets as far as a row."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        orchestrators: OrchestratorRepository,
        llm_configs: LlmConfigService,
        plugins: PluginCatalog,
        sealer: Sealer,
        clock: Clock,
        announce: Announce,
    ) -> None:
        self._organization_id = organization_id
        self._orchestrators = orchestrators
        self._llm_configs = llm_configs
        self._plugins = plugins
        self._sealer = sealer
        self._clock = clock
        self._announce = announce

    async def write(
        self,
        row: Orchestrator,
        plugin_ids: Sequence[UUID],
        values: ValuesByPlugin,
        *,
        fixed: Sequence[FieldProblem] = (),
    ) -> None:
        """Store a row with its plugins and with the changed plugin values merged in.

        Raises `InvalidInput` with every path that is wrong, those that are `fixed` among them, and
        then stores nothing.
        """
        plugins = await self._plugins.find_usable(plugin_ids)
        config = parse_config(Mode(row.mode), row.config)
        await self._check(config, plugin_ids, plugins, fixed=fixed)
        row.plugin_settings = self._merged_values(row, plugins, values)
        chosen = [str(plugin_id) for plugin_id in plugin_ids]
        row.config_hash = content_hash(
            row.framework_type, row.mode, row.config, chosen, row.plugin_settings
        )
        row.updated_at = self._clock.now()
        await self._orchestrators.save(row)
        await self._orchestrators.replace_plugins(row, plugin_ids)
        self.tell(row, Action.RELOAD)

    def tell(self, row: Orchestrator, action: Action, *, tier: str | None = None) -> None:
        """Have every process follow a change, once it is committed; `tier` is for loading."""
        self._announce(
            OrchestratorEvent(
                action=action,
                organization_id=str(self._organization_id),
                orchestrator_id=str(row.id),
                config_hash=row.config_hash,
                tier=tier,
            )
        )

    async def _check(
        self,
        config: OrchestratorConfig,
        plugin_ids: Sequence[UUID],
        plugins: Mapping[UUID, Plugin],
        *,
        fixed: Sequence[FieldProblem],
    ) -> None:
        named = models_by_path(config)
        missing = await self._llm_configs.missing(named.values())
        problems = [
            *_plugin_problems(plugin_ids, plugins),
            *fixed,
            *(FieldProblem(path, UNKNOWN_MODEL) for path, id_ in named.items() if id_ in missing),
            *prompt_problems(config),
            *entry_problems(config, {row_id: plugin.pid for row_id, plugin in plugins.items()}),
        ]
        if problems:
            raise InvalidInput.of(*problems)

    def _merged_values(
        self, row: Orchestrator, plugins: Mapping[UUID, Plugin], asked: ValuesByPlugin
    ) -> dict[str, Any]:
        problems = [
            FieldProblem(f"plugin_settings.{plugin_id}", "is not an active plugin")
            for plugin_id in asked
            if plugin_id not in plugins
        ]
        merged: dict[str, Any] = {}
        for plugin_id, plugin in plugins.items():
            stored = row.plugin_settings.get(str(plugin_id), {})
            changed = {key: v for key, v in asked.get(plugin_id, {}).items() if v != MASK}
            # What is replaced need not open: entering a secret again is how one is mended.
            kept = {key: value for key, value in stored.items() if key not in changed}
            effective = _without_nulls({**self._seals(row).open(plugin_id, kept), **changed})
            problems += problems_with(plugin_id, plugin.settings_schema, effective)
            sealed = self._seals(row).seal(plugin_id, plugin.settings_schema, changed)
            # What did not change keeps its sealed text, and so the hash of the whole.
            merged[str(plugin_id)] = _without_nulls({**stored, **sealed})
        if problems:
            raise InvalidInput.of(*problems)
        return merged

    def _seals(self, row: Orchestrator) -> PluginValueSealer:
        return PluginValueSealer(
            sealer=self._sealer,
            organization_id=self._organization_id,
            orchestrator_id=OrchestratorId(row.id),
        )


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _plugin_problems(
    plugin_ids: Sequence[UUID], plugins: Mapping[UUID, Plugin]
) -> list[FieldProblem]:
    problems, pids = [], set()
    for place, plugin_id in enumerate(plugin_ids):
        path = f"active_plugin_ids.{place}"
        plugin = plugins.get(plugin_id)
        if plugin is None:
            problems.append(FieldProblem(path, "is no plugin of this organization"))
        elif plugin.pid in pids:
            problems.append(FieldProblem(path, f"names {plugin.pid} a second time"))
        else:
            pids.add(plugin.pid)
    return problems
