"""How many runs and readers are under way, for each person and for each organization."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cadence.config.settings import RateSettings
from cadence.kernel.ids import OrganizationId, RunId, new_ulid
from cadence.runs.errors import NodeFull, TooManyStreams
from cadence.runs.keys import reader_slot_keys, run_slot_keys
from cadence.runs.scripts import RENEW_SLOT, TAKE_SLOTS

log = structlog.get_logger(__name__)

# Seconds that a slot outlives the process that holds it; `RunKeeper` renews it long before.
SLOT_SECONDS = 25
# Every run may have its reader, and be rejoined before the connection that was lost is noticed.
READERS_PER_RUN = 2
UNLIMITED = 2**31
# What a script answers about the first of its two keys that is full.
_WHOSE = {1: "person", 2: "organization"}


@dataclass(frozen=True, slots=True)
class _Slot:
    keys: tuple[str, str]
    member: str


class StreamSlots:
    """Counts for all processes together; all of one process's slots are renewed by `renew`."""

    def __init__(self, redis: Redis, *, rates: RateSettings, streams_per_node: int) -> None:
        self._redis = redis
        self._rates = rates
        self._streams_per_node = streams_per_node
        self._held: set[_Slot] = set()
        self._readers = 0

    async def take_run(
        self,
        run_id: RunId,
        *,
        organization_id: OrganizationId,
        owner: str,
        is_person: bool,
        rates: Mapping[str, int],
    ) -> None:
        """Take the place of a run; raises `TooManyStreams`.

        `rates` are the limits that hold for the organization, by the keys of their settings. One
        person has a limit in each organization; a service key has only the organization's.
        """
        slot = _Slot(run_slot_keys(organization_id, owner), run_id)
        await self._take(slot, self._limits(rates, is_person=is_person))

    async def release_run(
        self, run_id: RunId, *, organization_id: OrganizationId, owner: str
    ) -> None:
        """Give the place back, if it still has one; what Redis cannot be told now expires there."""
        slot = _Slot(run_slot_keys(organization_id, owner), run_id)
        if slot in self._held:
            await self._release(slot)

    @asynccontextmanager
    async def reading(
        self,
        *,
        organization_id: OrganizationId,
        owner: str,
        is_person: bool,
        rates: Mapping[str, int],
    ) -> AsyncIterator[None]:
        """Hold the place of one open event stream; raises `TooManyStreams` or `NodeFull`."""
        if self._readers >= self._streams_per_node:
            raise NodeFull
        slot = _Slot(reader_slot_keys(organization_id, owner), new_ulid())
        limits = self._limits(rates, is_person=is_person)
        self._readers += 1
        try:
            await self._take(slot, [READERS_PER_RUN * limit for limit in limits])
            try:
                yield
            finally:
                await self._release(slot)
        finally:
            self._readers -= 1

    async def renew(self) -> None:
        """Keep all that is held from expiring; raises what the driver raises."""
        held = tuple(self._held)
        # Its types do not know that a pipeline's commands wait for `execute`.
        pipeline: Any = self._redis.pipeline(transaction=False)
        try:
            async with pipeline as said:
                for slot in held:
                    said.eval(RENEW_SLOT, 2, *slot.keys, slot.member, SLOT_SECONDS)
                await said.execute()
        finally:
            # One that was given back meanwhile may have been taken anew by the renewal.
            for slot in held:
                if slot not in self._held:
                    await self._release(slot)

    def _limits(self, rates: Mapping[str, int], *, is_person: bool) -> Sequence[int]:
        defaults = self._rates
        person = rates.get("streams_per_user", defaults.streams_per_user)
        everybody = rates.get("streams_per_organization", defaults.streams_per_organization)
        return (person if is_person else UNLIMITED, everybody)

    async def _take(self, slot: _Slot, limits: Sequence[int]) -> None:
        about: tuple[str | int, ...] = (slot.member, SLOT_SECONDS, *limits)
        try:
            full: Any = await self._redis.eval(TAKE_SLOTS, 2, *slot.keys, *about)
        except BaseException:
            await self._release(slot)
            raise
        if full:
            raise TooManyStreams(_WHOSE[full], limits[full - 1])
        self._held.add(slot)

    async def _release(self, slot: _Slot) -> None:
        self._held.discard(slot)
        pipeline: Any = self._redis.pipeline(transaction=False)
        try:
            async with pipeline as said:
                for key in slot.keys:
                    said.zrem(key, slot.member)
                await said.execute()
        except (RedisError, OSError) as failure:
            log.debug("slot_left_to_expire", error=type(failure).__name__)
