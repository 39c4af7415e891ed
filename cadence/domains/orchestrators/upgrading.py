"""Moves one plugin of an orchestrator to another version, when an admin asks for it."""

from dataclasses import dataclass
from uuid import UUID

from cadence.domains.orchestrators.carrying import Move
from cadence.domains.orchestrators.choices import ids_of
from cadence.domains.orchestrators.errors import OrchestratorNotFound
from cadence.domains.orchestrators.moving import PluginMover
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.upgrade_schemas import UpgradeRequest
from cadence.domains.plugins.errors import PluginNotFound
from cadence.domains.plugins.service import PluginCatalog
from cadence.domains.plugins.verifying import PluginVerifier
from cadence.infra.database.tables import Plugin
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import OrchestratorId, PluginId

UNKNOWN_VERSION = "is no version of this plugin"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What was planned, and whether it has been done."""

    move: Move
    is_stored: bool


class PluginUpgrades:
    """Upgrades, and downgrades, of one organization's orchestrators."""

    def __init__(
        self,
        *,
        orchestrators: OrchestratorRepository,
        plugins: PluginCatalog,
        mover: PluginMover,
        verifier: PluginVerifier,
    ) -> None:
        self._orchestrators = orchestrators
        self._plugins = plugins
        self._mover = mover
        self._verifier = verifier

    async def upgrade(
        self, orchestrator_id: OrchestratorId, plugin_id: PluginId, asked: UpgradeRequest
    ) -> Upgraded:
        """Move a plugin, or only say what that would change.

        Raises `OrchestratorNotFound`; `PluginNotFound` when the orchestrator does not use it; and
        `InvalidInput` for a version that is none, or for settings that do not fit it.
        """
        # It may take seconds, and the transaction begins with the first statement after it.
        if isinstance(asked.to, UUID):
            await self._verifier.verify({"to": asked.to})
        else:
            await self._verifier.verify_latest_of(plugin_id, path="to")
        row = await self._orchestrators.find_for_update(orchestrator_id)
        if row is None:
            raise OrchestratorNotFound
        chosen = (await self._orchestrators.list_plugins([row.id]))[row.id]
        source = (await self._plugins.find_usable(ids_of(chosen))).get(plugin_id)
        if source is None:
            raise PluginNotFound
        target = await self._find_target(source, asked.to)
        move = self._mover.plan(row, source, target, given=asked.settings)
        if asked.dry_run:
            return Upgraded(move, is_stored=False)
        if move.problems:
            raise InvalidInput.of(*move.problems)
        await self._mover.move(row, chosen, [move])
        return Upgraded(move, is_stored=True)

    async def _find_target(self, source: Plugin, to: UUID | str) -> Plugin:
        if isinstance(to, UUID):
            target = (await self._plugins.find_usable([to])).get(to)
        else:
            target = (await self._plugins.find_latest([source])).get(source.id)
        if target is None or target.pid != source.pid:
            raise InvalidInput.of(FieldProblem("to", UNKNOWN_VERSION))
        return target
