"""How many runs and readers are under way, for each person and for each organization."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
class Place:
    """One place among those of a person and among those of an organization, and their limits."""

    keys: tuple[str, str]
    member: str
    limits: tuple[int, int] = field(default=(0, 0), compare=False)

    def refusal(self, *, full: int) -> TooManyStreams:
        """Return what says that the first or the second of the two has no place left."""
        return TooManyStreams(_WHOSE[full], self.limits[full - 1])


class StreamSlots:
    """Counts for all processes together; all of one process's slots are renewed by `renew`."""

    def __init__(self, redis: Redis, *, rates: RateSettings, streams_per_node: int) -> None:
        self._redis = redis
        self._rates = rates
        self._streams_per_node = streams_per_node
        self._held: set[Place] = set()
        self._readers = 0

    def place_of_run(
        self,
        run_id: RunId,
        *,
        organization_id: OrganizationId,
        owner: str,
        is_person: bool,
        rates: Mapping[str, int],
    ) -> Place:
        """Return the place of a run, for whoever takes it.

        `rates` are the limits that hold for the organization, by the keys of their settings. One
        person has a limit in each organization; a service key has only the organization's.
        """
        limits = self._limits(rates, is_person=is_person)
        return Place(run_slot_keys(organization_id, owner), run_id, limits)

    async def release_run(
        self, run_id: RunId, *, organization_id: OrganizationId, owner: str
    ) -> None:
        """Give the place back, if it still has one; what Redis cannot be told now expires there."""
        place = Place(run_slot_keys(organization_id, owner), run_id)
        if place in self._held:
            await self.release(place)

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
        async with self.expecting(
            organization_id=organization_id, owner=owner, is_person=is_person, rates=rates
        ) as place:
            await self.take(place)
            yield

    @asynccontextmanager
    async def expecting(
        self,
        *,
        organization_id: OrganizationId,
        owner: str,
        is_person: bool,
        rates: Mapping[str, int],
    ) -> AsyncIterator[Place]:
        """Yield the place of one event stream, for whoever takes it in the block.

        It is given back at the end, if it was taken. Raises `NodeFull`.
        """
        if self._readers >= self._streams_per_node:
            raise NodeFull
        person, everybody = self._limits(rates, is_person=is_person)
        limits = (READERS_PER_RUN * person, READERS_PER_RUN * everybody)
        place = Place(reader_slot_keys(organization_id, owner), new_ulid(), limits)
        self._readers += 1
        try:
            yield place
        finally:
            self._readers -= 1
            if place in self._held:
                await self.release(place)

    def hold(self, place: Place) -> None:
        """Keep a place that was taken from expiring."""
        self._held.add(place)

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
                    await self.release(slot)

    def _limits(self, rates: Mapping[str, int], *, is_person: bool) -> tuple[int, int]:
        defaults = self._rates
        person = rates.get("streams_per_user", defaults.streams_per_user)
        everybody = rates.get("streams_per_organization", defaults.streams_per_organization)
        return (person if is_person else UNLIMITED, everybody)

    async def take(self, place: Place) -> None:
        """Take a place alone; raises `TooManyStreams`."""
        about: tuple[str | int, ...] = (place.member, SLOT_SECONDS, *place.limits)
        try:
            full: Any = await self._redis.eval(TAKE_SLOTS, 2, *place.keys, *about)
        except BaseException:
            await self.release(place)
            raise
        if full:
            raise place.refusal(full=full)
        self.hold(place)

    async def release(self, place: Place) -> None:
        """Give a place back; what Redis cannot be told now expires there."""
        self._held.discard(place)
        pipeline: Any = self._redis.pipeline(transaction=False)
        try:
            async with pipeline as said:
                for key in place.keys:
                    said.zrem(key, place.member)
                await said.execute()
        except (RedisError, OSError) as failure:
            log.debug("slot_left_to_expire", error=type(failure).__name__)
