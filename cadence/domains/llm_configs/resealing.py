"""Keys of LLM configs, as a place that a rotation of sealing keys goes through."""

from collections import Counter
from collections.abc import Collection

from cadence.domains.llm_configs.keys import KeySeals
from cadence.domains.llm_configs.sealed_rows import SealedKeyRepository
from cadence.infra.database.auditing import leave_untold
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import LlmConfig
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.secrets.rotation import BATCH_ROWS, Step, count_kids, find_kid
from cadence.infra.secrets.sealing import Sealer, SecretUnreadable
from cadence.kernel.ids import OrganizationId


class SealedKeys:
    """A `SealedPlace`: the keys of every organization's LLM configs."""

    texts = "LLM config keys"
    row = "LLM config"

    def __init__(self, *, sessions: Sessions, sealer: Sealer) -> None:
        self._sessions = sessions
        self._sealer = sealer

    async def count_by_kid(self, *, but: Collection[str] = ()) -> Counter[str]:
        """Count the keys by the kid that sealed them."""
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return await count_kids(SealedKeyRepository(session).each_text(but=but))

    async def reseal_batch(self, *, after: str | None) -> Step:
        """Reseal the next rows; `version` and `updated_at` stay, so nothing is built anew."""
        async with transaction(self._sessions, PLATFORM) as session:
            leave_untold(session)
            rows = await SealedKeyRepository(session).lock_batch(
                but=[self._sealer.primary], after=int(after or 0), limit=BATCH_ROWS
            )
            moved: Counter[str] = Counter()
            unreadable: dict[str, int] = {}
            for config in rows:
                kid = find_kid(config.sealed_key or "")
                if self._reseal(config):
                    moved[kid] += 1
                else:
                    unreadable[str(config.id)] = 1
        is_last = len(rows) < BATCH_ROWS
        return Step(last=None if is_last else str(rows[-1].id), moved=moved, unreadable=unreadable)

    def _reseal(self, config: LlmConfig) -> bool:
        """Say whether it could be opened."""
        try:
            KeySeals(self._sealer, OrganizationId(config.organization_id)).renew(config)
        except SecretUnreadable:
            return False
        return True
