"""How ready an orchestrator is, over all processes."""

from cadence.domains.orchestrators.schemas import HolderRead, LastErrorRead, StatusRead
from cadence.domains.orchestrators.service import OrchestratorService
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.nodes import NodeBoard
from cadence.pool.pool import Pool
from cadence.pool.tiers import Tier

_RISING = (Tier.COLD, Tier.WARM, Tier.HOT)


class OrchestratorReadiness:
    """Puts together what the database, this process and the others say."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        orchestrators: OrchestratorService,
        pool: Pool,
        board: NodeBoard,
    ) -> None:
        self._organization_id = organization_id
        self._orchestrators = orchestrators
        self._pool = pool
        self._board = board

    async def status(self, orchestrator_id: OrchestratorId) -> StatusRead:
        """Return how ready it is; raises `OrchestratorNotFound`."""
        current = await self._orchestrators.find_current(orchestrator_id)
        key = (self._organization_id, orchestrator_id)
        holders = await self._board.holders(key)
        here = self._pool.find(key)
        error = here.last_error
        return StatusRead(
            tier=max((holder.tier for holder in holders), key=_RISING.index, default=Tier.COLD),
            config_hash=current.config_hash,
            build_hash=current.build_hash,
            is_building=here.is_building,
            nodes=[
                HolderRead(
                    node=holder.node,
                    tier=holder.tier,
                    build_hash=holder.build_hash,
                    is_current=holder.build_hash == current.build_hash,
                )
                for holder in holders
            ],
            last_error=None if error is None else LastErrorRead.model_validate(error),
        )
