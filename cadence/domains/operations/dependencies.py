"""Assembles the readiness checks."""

from typing import Annotated

from fastapi import Depends

from cadence.domains.operations.repository import ping
from cadence.domains.operations.service import ReadinessService
from cadence.http.unit_of_work import Parts
from cadence.infra.database.transaction import transaction
from cadence.resources import Resources


def build_readiness(parts: Parts) -> ReadinessService:
    """Assemble a check for each store that this process uses."""
    return ReadinessService(
        {
            "database": lambda: _ping_database(parts),
            "redis": parts.redis.ping,
            "objects": parts.packages.ping,
        }
    )


async def _ping_database(parts: Resources) -> None:
    async with transaction(parts.sessions, read_only=True) as session:
        await ping(session)


Readiness = Annotated[ReadinessService, Depends(build_readiness)]
