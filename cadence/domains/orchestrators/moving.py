"""Moves a plugin of an orchestrator to another version, with its settings carried over by key."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from cadence.domains.orchestrators.carrying import Move, plan_move
from cadence.domains.orchestrators.choices import Choice, exchange, followers_of
from cadence.domains.orchestrators.plugin_values import PluginValueSealer
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.storing import OrchestratorStore
from cadence.domains.plugins.service import PluginCatalog
from cadence.infra.database.tables import Orchestrator, Plugin
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.ids import OrchestratorId, OrganizationId


class PluginMover:
    """Moves plugins of one organization's orchestrators, in one transaction."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        orchestrators: OrchestratorRepository,
        store: OrchestratorStore,
        plugins: PluginCatalog,
        sealer: Sealer,
    ) -> None:
        self._organization_id = organization_id
        self._orchestrators = orchestrators
        self._store = store
        self._plugins = plugins
        self._sealer = sealer

    def plan(
        self, row: Orchestrator, source: Plugin, target: Plugin, *, given: Mapping[str, Any]
    ) -> Move:
        """Say what a move would come to, with these values in the place of those that are stored.

        Null takes a value back; a masked one means the stored one.
        """
        stored = row.plugin_settings.get(str(source.id), {})
        return plan_move(self._seals(row), source, target, stored=stored, given=given)

    async def move(
        self, row: Orchestrator, chosen: Sequence[Choice], moves: Sequence[Move]
    ) -> None:
        """Store what was planned; whoever goes to the latest version goes on following, if so."""
        now = list(chosen)
        for move in moves:
            target = move.target
            _exchange_values(row, move)
            _exchange_entry(row, move)
            now = exchange(now, move.source.id, target.id, is_latest=target.is_latest)
        await self._store.store(row, now)

    async def advance(self, row: Orchestrator) -> None:
        """Move those that follow to their latest version, but for those that do not fit it.

        The row must be kept from others until the commit.
        """
        chosen = (await self._orchestrators.list_plugins([row.id]))[row.id]
        behind = await self._list_behind(followers_of(chosen))
        plans = [self.plan(row, source, target, given={}) for source, target in behind]
        fitting = [plan for plan in plans if not plan.problems]
        if fitting:
            await self.move(row, chosen, fitting)

    async def _list_behind(self, plugin_ids: Sequence[UUID]) -> list[tuple[Plugin, Plugin]]:
        """Return those that are not the latest version, each with the latest."""
        if not plugin_ids:
            return []
        plugins = await self._plugins.find_usable(plugin_ids)
        latest = await self._plugins.find_latest(plugins.values())
        return [
            (plugins[id_], latest[id_])
            for id_ in plugin_ids
            if id_ in latest and latest[id_].id != id_
        ]

    def _seals(self, row: Orchestrator) -> PluginValueSealer:
        return PluginValueSealer(
            sealer=self._sealer,
            organization_id=self._organization_id,
            orchestrator_id=OrchestratorId(row.id),
        )


def _exchange_values(row: Orchestrator, move: Move) -> None:
    others = {
        key: values for key, values in row.plugin_settings.items() if key != str(move.source.id)
    }
    row.plugin_settings = {**others, str(move.target.id): dict(move.values)}


def _exchange_entry(row: Orchestrator, move: Move) -> None:
    """Have an entry agent that is named by its row id go along."""
    mode_config = row.config.get("mode_config", {})
    named = mode_config.get("entry_agent")
    if isinstance(named, str) and named.lower() == str(move.source.id):
        entry = {"entry_agent": str(move.target.id)}
        row.config = {**row.config, "mode_config": {**mode_config, **entry}}
