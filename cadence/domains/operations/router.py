"""`/health` and `/ready`: for whoever runs the service."""

from fastapi import APIRouter, Response

from cadence import __version__
from cadence.domains.operations.dependencies import Readiness
from cadence.domains.operations.schemas import HealthAnswer, ReadyAnswer, State

router = APIRouter(tags=["operations"])


@router.get("/health")
async def tell_health() -> HealthAnswer:
    """Say that the process answers; asks nothing else."""
    return HealthAnswer(status=State.OK, version=__version__)


@router.get("/ready", responses={503: {"model": ReadyAnswer, "description": "A store is down."}})
async def tell_readiness(readiness: Readiness, response: Response) -> ReadyAnswer:
    """Say whether every store answers; 503 when one does not."""
    stores = await readiness.states()
    is_ready = all(state is State.OK for state in stores.values())
    response.status_code = 200 if is_ready else 503
    return ReadyAnswer(status=State.OK if is_ready else State.DOWN, stores=stores)
