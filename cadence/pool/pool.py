"""Lends built orchestrators to turns: built once, kept while used lately, replaced when changed."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.slot import Built, Slot

Key = tuple[OrganizationId, OrchestratorId]
Build = Callable[[OrganizationId, OrchestratorId], Awaitable[Built]]


class Pool:
    """At most `max_hot` built orchestrators, least recently used first to go.

    Those that are leased stay, even above the limit, until their turns end.
    """

    def __init__(self, build: Build, *, max_hot: int) -> None:
        self._build = build
        self._max_hot = max_hot
        self._slots: OrderedDict[Key, Slot] = OrderedDict()
        self._locks: dict[Key, asyncio.Lock] = {}

    def __len__(self) -> int:
        return len(self._slots)

    @asynccontextmanager
    async def lease(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId, *, build_hash: str
    ) -> AsyncIterator[Built]:
        """Lend what was built from `build_hash`, building it when there is none.

        Whoever asks while it is being built waits for the same build. The runtime is never closed
        before the block ends. Raises what the build raises, which is not remembered.
        """
        slot = await self._lease_ready((organization_id, orchestrator_id), build_hash)
        try:
            await self._evict()
            yield slot.built
        finally:
            await asyncio.shield(slot.release())

    async def refresh(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId
    ) -> None:
        """Drop what was built from an older configuration; the next turn builds the new one."""
        await self._retire((organization_id, orchestrator_id))

    async def close(self) -> None:
        """Close everything; turns must have ended."""
        for key in list(self._slots):
            await self._retire(key)

    async def _lease_ready(self, key: Key, build_hash: str) -> Slot:
        async with self._locks.setdefault(key, asyncio.Lock()):
            slot = self._slots.get(key)
            if slot is None or slot.build_hash != build_hash:
                slot = await self._replace(key)
            # Leased before anything else may run, so that an eviction cannot come in between.
            slot.lease()
            if key in self._slots:
                self._slots.move_to_end(key)
        return slot

    async def _replace(self, key: Key) -> Slot:
        slot = Slot(await self._build(*key))
        old = self._slots.get(key)
        self._slots[key] = slot
        if old is not None:
            await old.retire()
        return slot

    async def _retire(self, key: Key) -> None:
        slot = self._slots.pop(key, None)
        if slot is not None:
            await slot.retire()

    async def _evict(self) -> None:
        surplus = len(self._slots) - self._max_hot
        idle = [key for key, slot in self._slots.items() if not slot.is_leased]
        for key in idle[: max(0, surplus)]:
            await self._retire(key)
