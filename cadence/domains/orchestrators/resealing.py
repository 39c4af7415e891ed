"""Sensitive plugin settings, as a place that a rotation of sealing keys goes through."""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from uuid import UUID

from cadence.domains.orchestrators.plugin_values import PluginValueSealer, sealed_texts
from cadence.domains.orchestrators.sealed_rows import SealedSettingRepository
from cadence.infra.database.auditing import leave_untold
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import Orchestrator
from cadence.infra.database.transaction import Session, Sessions, transaction
from cadence.infra.secrets.rotation import BATCH_ROWS, Step, count_kids, find_kid
from cadence.infra.secrets.sealing import Sealer, SecretUnreadable
from cadence.kernel.ids import OrchestratorId, OrganizationId


class SealedSettings:
    """A `SealedPlace`: the sensitive plugin settings of every organization's orchestrators."""

    texts = "plugin settings"
    row = "orchestrator"

    def __init__(self, *, sessions: Sessions, sealer: Sealer) -> None:
        self._sessions = sessions
        self._sealer = sealer

    async def count_by_kid(self, *, but: Collection[str] = ()) -> Counter[str]:
        """Count the sealed values by the kid that sealed them; one orchestrator may have many."""
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            counted = await count_kids(_each_text(session, but))
        for kid in but:
            del counted[kid]
        return counted

    async def reseal_batch(self, *, after: str | None) -> Step:
        """Reseal the next rows; `config_hash` and `updated_at` stay, so nothing is built anew."""
        async with transaction(self._sessions, PLATFORM) as session:
            leave_untold(session)
            rows = await SealedSettingRepository(session).lock_batch(
                but=[self._sealer.primary],
                after=None if after is None else OrchestratorId(UUID(after)),
                limit=BATCH_ROWS,
            )
            moved: Counter[str] = Counter()
            unreadable: Counter[str] = Counter()
            for row in rows:
                moved += self._reseal(row, unreadable)
        is_last = len(rows) < BATCH_ROWS
        return Step(last=None if is_last else str(rows[-1].id), moved=moved, unreadable=unreadable)

    def _reseal(self, row: Orchestrator, unreadable: Counter[str]) -> Counter[str]:
        """Bring what opens under the primary and return how much that was; count the rest."""
        seals = PluginValueSealer(
            sealer=self._sealer,
            organization_id=OrganizationId(row.organization_id),
            orchestrator_id=OrchestratorId(row.id),
        )
        moved: Counter[str] = Counter()
        renewed = {plugin_id: dict(values) for plugin_id, values in row.plugin_settings.items()}
        for plugin_id, values in row.plugin_settings.items():
            for key, sealed in sealed_texts(values).items():
                kid = find_kid(sealed)
                if kid == self._sealer.primary:
                    continue
                try:
                    renewed[plugin_id][key] = seals.renew(UUID(plugin_id), key, sealed)
                except SecretUnreadable:
                    unreadable[str(row.id)] += 1
                else:
                    moved[kid] += 1
        if moved:
            row.plugin_settings = renewed
        return moved


async def _each_text(session: Session, but: Collection[str]) -> AsyncIterator[str]:
    async for settings in SealedSettingRepository(session).each(but=but):
        for values in settings.values():
            for text in sealed_texts(values).values():
                yield text
