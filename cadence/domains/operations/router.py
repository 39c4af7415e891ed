"""`/health`, `/ready`, `/metrics` and `/api/admin/…`: for whoever runs the service."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from cadence import __version__
from cadence.domains.operations.dependencies import (
    Exposition,
    Health,
    PoolStatistics,
    Readiness,
)
from cadence.domains.operations.schemas import (
    AdminHealthAnswer,
    HealthAnswer,
    PoolStatisticsAnswer,
    ReadyAnswer,
    State,
)
from cadence.http.json_bodies import StrictRoute
from cadence.infra.telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["operations"], route_class=StrictRoute)


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
    return ReadyAnswer(
        status=State.OK if is_ready else State.DOWN, stores=stores, events=readiness.events
    )


@router.get("/metrics", response_class=PlainTextResponse)
async def read_metrics(exposition: Exposition) -> Response:
    """Read what this process has counted, in Prometheus' text format."""
    return Response(exposition.render(), media_type=CONTENT_TYPE)


@router.get("/api/admin/health")
async def read_health(health: Health) -> AdminHealthAnswer:
    """Tell how this process and its stores are, and what an operator should mend."""
    return await health.examine()


@router.get("/api/admin/pool/stats")
async def read_pool_statistics(pool: PoolStatistics) -> PoolStatisticsAnswer:
    """Tell what this process's pool holds and has done."""
    return await pool.statistics()
