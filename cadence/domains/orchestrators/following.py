"""Has one organization's orchestrators follow the latest versions of their plugins."""

from cadence.domains.orchestrators.moving import PluginMover
from cadence.domains.orchestrators.repository import OrchestratorRepository


class VersionFollower:
    """Moves those that are behind; one that does not fit the new version stays where it is."""

    def __init__(self, *, orchestrators: OrchestratorRepository, mover: PluginMover) -> None:
        self._orchestrators = orchestrators
        self._mover = mover

    async def follow(self, pid: str | None = None) -> None:
        """Move every orchestrator that follows a plugin and is behind: one plugin, or all."""
        for orchestrator_id in await self._orchestrators.list_behind(pid):
            row = await self._orchestrators.find_for_update(orchestrator_id)
            if row is not None:  # somebody may have removed it meanwhile
                await self._mover.advance(row)
