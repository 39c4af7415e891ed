"""Writes what a build reads: checked, hashed and announced, whichever call it came from."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from cadence.domains.orchestrators.choices import Choice, ids_of
from cadence.domains.orchestrators.plugin_values import (
    MASK,
    PluginValueSealer,
    place_of,
    problems_with,
    without_nulls,
)
from cadence.domains.orchestrators.schemas import OrchestratorConfig
from cadence.domains.orchestrators.storing import OrchestratorStore
from cadence.domains.plugins.service import PluginCatalog
from cadence.domains.plugins.verifying import UNVERIFIED, PluginVerifier, is_waiting
from cadence.engine.modes import Mode
from cadence.infra.database.tables import Orchestrator, Plugin
from cadence.infra.events.messages import Action
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import OrchestratorId, OrganizationId

ValuesByPlugin = Mapping[UUID, Mapping[str, Any]]


class OrchestratorWriter:
    """Checks one organization's orchestrators; nothing that is wrong gets as far as a row.

    Have its `verifier` see to the plugins before the transaction begins.
    """

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        store: OrchestratorStore,
        llm_configs: LlmConfigService,
        plugins: PluginCatalog,
        verifier: PluginVerifier,
        sealer: Sealer,
        advance: Callable[[Orchestrator], Awaitable[None]],
    ) -> None:
        self.verifier = verifier
        self._organization_id = organization_id
        self._store = store
        self._llm_configs = llm_configs
        self._plugins = plugins
        self._sealer = sealer
        self._advance = advance

    async def write(
        self,
        row: Orchestrator,
        chosen: Sequence[Choice],
        values: ValuesByPlugin,
        *,
        wrong: Sequence[FieldProblem] = (),
    ) -> None:
        """Store a row with its plugins and with the changed plugin values merged in.

        Plugins that follow their latest version advance to it. Raises `InvalidInput` with every
        path that is wrong, those that are known to be among them, and then stores nothing.
        """
        plugin_ids = ids_of(chosen)
        plugins = await self._plugins.find_usable(plugin_ids)
        config = parse_config(Mode(row.mode), row.config)
        await self._check(config, plugin_ids, plugins, wrong=wrong)
        row.plugin_settings = self._merged_values(row, plugins, values)
        await self._store.store(row, chosen)
        await self._advance(row)

    def tell(self, row: Orchestrator, action: Action, *, tier: str | None = None) -> None:
        """Have every process follow a change, once it is committed; `tier` is for loading."""
        self._store.tell(row, action, tier=tier)

    async def _check(
        self,
        config: OrchestratorConfig,
        plugin_ids: Sequence[UUID],
        plugins: Mapping[UUID, Plugin],
        *,
        wrong: Sequence[FieldProblem],
    ) -> None:
        named = models_by_path(config)
        missing = await self._llm_configs.missing(named.values())
        problems = [
            *plugin_problems(plugin_ids, plugins),
            *wrong,
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
            FieldProblem(place_of(plugin_id), "is not an active plugin")
            for plugin_id in asked
            if plugin_id not in plugins
        ]
        merged: dict[str, Any] = {}
        for plugin_id, plugin in plugins.items():
            stored = row.plugin_settings.get(str(plugin_id), {})
            changed = {key: v for key, v in asked.get(plugin_id, {}).items() if v != MASK}
            # What is replaced need not open: entering a secret again is how one is mended.
            kept = {key: value for key, value in stored.items() if key not in changed}
            effective = without_nulls({**self._seals(row).open(plugin_id, kept), **changed})
            problems += problems_with(place_of(plugin_id), plugin.settings_schema, effective)
            sealed = self._seals(row).seal(plugin_id, plugin.settings_schema, changed)
            # What did not change keeps its sealed text, and so the hash of the whole.
            merged[str(plugin_id)] = without_nulls({**stored, **sealed})
        if problems:
            raise InvalidInput.of(*problems)
        return merged

    def _seals(self, row: Orchestrator) -> PluginValueSealer:
        return PluginValueSealer(
            sealer=self._sealer,
            organization_id=self._organization_id,
            orchestrator_id=OrchestratorId(row.id),
        )


def plugin_problems(
    plugin_ids: Sequence[UUID], plugins: Mapping[UUID, Plugin]
) -> list[FieldProblem]:
    """Say which of the plugins cannot be active, or not together."""
    problems, pids = [], set()
    for place, plugin_id in enumerate(plugin_ids):
        path = f"active_plugin_ids.{place}"
        plugin = plugins.get(plugin_id)
        if plugin is None:
            problems.append(FieldProblem(path, "is no plugin of this organization"))
        elif plugin.pid in pids:
            problems.append(FieldProblem(path, f"names {plugin.pid} a second time"))
        elif is_waiting(plugin):
            problems.append(FieldProblem(path, UNVERIFIED))
        else:
            pids.add(plugin.pid)
    return problems
