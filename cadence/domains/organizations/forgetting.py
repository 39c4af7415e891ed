"""Removes what an organization has outside of the relational store, once it is gone there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from cadence.infra.away import StoreUnavailable
from cadence.kernel.ids import OrganizationId

log = structlog.get_logger(__name__)


class Databases(Protocol):
    """Where each organization has a database of its own."""

    async def drop(self, organization_id: OrganizationId, /) -> None:
        """Remove one; raises `StoreUnavailable`."""
        ...


@asynccontextmanager
async def forgetting(databases: Databases, organization_id: OrganizationId) -> AsyncIterator[None]:
    """Drop the organization's database when the block ends well, which is after the commit.

    The deletion holds even if this fails: then the hourly retention finds the database.
    """
    yield
    try:
        await databases.drop(organization_id)
    except StoreUnavailable:
        log.warning(
            "transcripts_left_behind",
            organization=str(organization_id),
            remedy="they are removed within the hour once MongoDB answers",
        )
