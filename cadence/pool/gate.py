"""Lets only so many builds run at once, and no organization hold up all the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from cadence.kernel.ids import OrganizationId


class BuildGate:
    """At most `builds` at once, of which one organization has half.

    A plugin may take its ten seconds to start, so that one tenant's slow plugins could otherwise
    keep everybody waiting.
    """

    def __init__(self, builds: int) -> None:
        self._all = asyncio.Semaphore(builds)
        self._half = max(1, builds // 2)
        self._own: WeakValueDictionary[OrganizationId, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def passing(self, organization_id: OrganizationId) -> AsyncIterator[None]:
        """Wait for one's turn, and let the next one in when the block is left."""
        own = self._own.get(organization_id)
        if own is None:
            own = self._own[organization_id] = asyncio.Semaphore(self._half)
        async with own, self._all:
            yield
