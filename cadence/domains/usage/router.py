"""`/api/orgs/{org}/usage`: what turns have cost."""

from typing import Annotated

from fastapi import APIRouter, Query

from cadence.domains.usage.dependencies import Usage
from cadence.domains.usage.schemas import UsageQuery, UsageReport
from cadence.http.json_bodies import StrictRoute

router = APIRouter(tags=["usage"], route_class=StrictRoute)


@router.get("/api/orgs/{org}/usage", response_model=UsageReport)
async def report_usage(query: Annotated[UsageQuery, Query()], usage: Usage) -> object:
    """List what turns have used by day, orchestrator and model, with what it cost."""
    return await usage.report(query)
