"""Has orchestrators be built anew whose plugin says, or may call, something else than before."""

from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.storing import OrchestratorStore


class PluginRefresher:
    """Refreshes one organization's orchestrators, in one transaction."""

    def __init__(self, *, orchestrators: OrchestratorRepository, store: OrchestratorStore) -> None:
        self._orchestrators = orchestrators
        self._store = store

    async def refresh(self, pid: str) -> None:
        """Store every orchestrator that uses a plugin under the hash that it has from now on."""
        for orchestrator_id in await self._orchestrators.list_with(pid):
            row = await self._orchestrators.find_for_update(orchestrator_id)
            if row is not None:  # somebody may have removed it meanwhile
                await self._store.refresh(row)
