"""Assembles what tells how the service is, and guards what only its operator may read."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cadence.domains.access.dependencies import (
    Access,
    SysAdmin,
    signed_in,
    signed_in_person,
    sys_admin,
)
from cadence.domains.operations.figures import MomentaryFigures
from cadence.domains.operations.repository import count_orchestrators, ping
from cadence.domains.operations.service import (
    Check,
    HealthService,
    MetricsService,
    PoolService,
    ReadinessService,
    ThisProcess,
)
from cadence.http.at_once import at_once
from cadence.http.request_rates import Rates
from cadence.http.unit_of_work import Parts, Work
from cadence.infra.away import Store
from cadence.infra.database.engine import count_connections_in_use
from cadence.infra.database.reach import NOWHERE
from cadence.infra.database.schema_version import find_revision
from cadence.infra.database.transaction import transaction
from cadence.resources import Resources

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="MetricsToken",
    description="The token that the operator chose for metrics, or that of a sys_admin's login.",
)


def build_readiness(parts: Parts) -> ReadinessService:
    """Assemble a check for each store that this process uses."""
    checks: dict[str, Check] = {
        Store.DATABASE: lambda: _ping_database(parts),
        Store.REDIS: parts.redis.ping,
        Store.OBJECTS: parts.packages.ping,
    }
    if parts.mongo is not None:
        checks[Store.TRANSCRIPTS] = parts.mongo.ping
    return ReadinessService(checks, events=parts.events)


async def _ping_database(parts: Resources) -> None:
    async with transaction(parts.sessions, NOWHERE, read_only=True) as session:
        await ping(session)


Readiness = Annotated[ReadinessService, Depends(at_once(build_readiness))]


def build_health(parts: Parts, readiness: Readiness, _: SysAdmin) -> HealthService:
    """Assemble the service for a sys_admin."""
    process = ThisProcess(
        settings=parts.settings,
        isolation=parts.isolation,
        sealer=parts.sealer,
        pool=parts.pool,
        runs=parts.runs.registry,
        clock=parts.clock,
        started_at=parts.started_at,
    )
    return HealthService(
        readiness=readiness,
        find_revision=lambda: find_revision(parts.engine),
        process=process,
    )


def build_pool_service(parts: Parts, work: Work, principal: SysAdmin) -> PoolService:
    """Assemble the service for a sys_admin."""
    session = work.platform(principal.actor)
    return PoolService(pool=parts.pool, count_orchestrators=lambda: count_orchestrators(session))


async def metrics_reader(
    parts: Parts,
    access: Access,
    request: Request,
    *,
    rates: Rates,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    """Guard: whoever has the metrics token, and sys_admins; in development without one, anybody.

    The token asks no store, so that figures can be read while one is down.
    """
    token = parts.settings.metrics.token
    if token is None and not parts.settings.in_production:
        return
    if token is not None and credentials is not None:
        sent, wanted = credentials.credentials.encode(), token.get_secret_value().encode()
        if hmac.compare_digest(sent, wanted):
            return
    principal = await signed_in(access, request, rates=rates, credentials=credentials)
    await sys_admin(await signed_in_person(principal))


def build_metrics(parts: Parts, _: Annotated[None, Depends(metrics_reader)]) -> MetricsService:
    """Assemble the service for whoever may read it."""
    figures = MomentaryFigures(
        pool=parts.pool,
        events=parts.events,
        runs=parts.runs,
        connections_in_use=count_connections_in_use(parts.engine),
    )
    return MetricsService(parts.metrics, figures)


Health = Annotated[HealthService, Depends(at_once(build_health))]
PoolStatistics = Annotated[PoolService, Depends(at_once(build_pool_service))]
Exposition = Annotated[MetricsService, Depends(at_once(build_metrics))]
