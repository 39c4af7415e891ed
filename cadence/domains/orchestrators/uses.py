"""The plugins of orchestrators as they are shown: which versions, and what there is to move to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from cadence.domains.orchestrators.choices import Choice
from cadence.domains.orchestrators.moving import PluginMover
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.plugins.service import PluginCatalog
from cadence.infra.database.tables import Orchestrator, Plugin
from cadence.kernel.errors import FieldProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginUse:
    """One plugin of an orchestrator; `latest` when it is another version than this one.

    `problems` are why one that follows is not there yet.
    """

    plugin: Plugin
    follows_latest: bool
    latest: Plugin | None
    problems: tuple[FieldProblem, ...] = ()


class PluginUses:
    """Reads the plugins of one organization's orchestrators."""

    def __init__(
        self, *, orchestrators: OrchestratorRepository, plugins: PluginCatalog, mover: PluginMover
    ) -> None:
        self._orchestrators = orchestrators
        self._plugins = plugins
        self._mover = mover

    async def of(self, rows: Sequence[Orchestrator]) -> Mapping[UUID, Sequence[PluginUse]]:
        """Return each orchestrator's plugins in their order, by three queries for all of them."""
        chosen = await self._orchestrators.list_plugins([row.id for row in rows])
        wanted = {choice.plugin_id for choices in chosen.values() for choice in choices}
        plugins = await self._plugins.find_usable(wanted)
        latest = await self._plugins.find_latest(plugins.values())
        return {
            row.id: [
                self._use(row, choice, plugins[choice.plugin_id], latest=latest)
                for choice in chosen[row.id]
            ]
            for row in rows
        }

    def _use(
        self, row: Orchestrator, choice: Choice, plugin: Plugin, *, latest: Mapping[UUID, Plugin]
    ) -> PluginUse:
        newest = latest.get(plugin.id, plugin)
        if newest.id == plugin.id:
            return PluginUse(plugin=plugin, follows_latest=choice.follows_latest, latest=None)
        is_late = choice.follows_latest
        return PluginUse(
            plugin=plugin,
            follows_latest=choice.follows_latest,
            latest=newest,
            problems=self._mover.plan(row, plugin, newest, given={}).problems if is_late else (),
        )
