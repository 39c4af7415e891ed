"""`/api/orgs/{org}/audit` and `/api/admin/audit`: who did what."""

from typing import Annotated

from fastapi import APIRouter, Query

from cadence.domains.audit.dependencies import ForAdmin, ForPlatform
from cadence.domains.audit.schemas import (
    AuditEntryRead,
    AuditQuery,
    PlatformAuditEntryRead,
    PlatformAuditQuery,
)
from cadence.http.json_bodies import StrictRoute
from cadence.http.paging import PageAnswer

router = APIRouter(tags=["audit"], route_class=StrictRoute)


@router.get("/api/orgs/{org}/audit", response_model=PageAnswer[AuditEntryRead])
async def page_audit(query: Annotated[AuditQuery, Query()], audit: ForAdmin) -> object:
    """List what was changed in the organization, and by whom, newest first."""
    return await audit.page(query)


@router.get("/api/admin/audit", response_model=PageAnswer[PlatformAuditEntryRead])
async def page_platform_audit(
    query: Annotated[PlatformAuditQuery, Query()], audit: ForPlatform
) -> object:
    """List what was changed anywhere, and by whom, newest first."""
    return await audit.page(query)
