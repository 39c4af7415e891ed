"""Deletes conversations that are older than their organization keeps them, and what they leave.

One process of a deployment at a time, once an hour: a ticket in Redis that lasts as long says that
somebody has done it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cadence.domains.conversations.retention_periods import RetentionPeriodRepository
from cadence.domains.conversations.retention_rows import RetentionRepository
from cadence.domains.conversations.transcripts import TranscriptStore
from cadence.domains.settings.tiers import Environment
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.kernel.ids import ConversationId, OrganizationId, time_of
from cadence.runs.beside import beside

log = structlog.get_logger(__name__)

TICKET = "conversations:retention"
EVERY = timedelta(hours=1)
# Seconds between two looks whether it is time; the first comes when a starting process is at rest.
LOOK_SECONDS = 60.0
# Conversations in one transaction, so that none is long and nobody waits for one.
BATCH = 100
# What nobody knows of may be about to be known: its transaction may not have ended yet.
SETTLED = timedelta(hours=1)


class Retention:
    """Applies `conversation_retention_days` and sweeps up what other deletions have left."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: TranscriptStore,
        redis: Redis,
        clock: Clock,
        environment: Environment,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._redis = redis
        self._clock = clock
        self._environment = environment

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Apply it every hour until the block ends."""
        async with beside(self._look_often()):
            yield

    async def apply_if_due(self) -> bool:
        """Apply it unless some process has begun to in the last hour; return whether it did."""
        if not await self._redis.set(TICKET, "1", nx=True, ex=EVERY):
            return False
        try:
            # The next to take the ticket must not meet this one at work.
            async with asyncio.timeout(EVERY.total_seconds() * 0.9):
                await self.apply()
        except BaseException:
            # Whoever looks next goes on where this one was broken off.
            with suppress(RedisError):
                await self._redis.delete(TICKET)
            raise
        return True

    async def apply(self) -> None:
        """Delete what is too old, then what belongs to nobody any more; may be broken off."""
        # Before the organizations are read: each is there before its first document.
        kept = await self._store.list_organizations()
        async with self._reading() as organizations:
            periods = await organizations.list_periods(self._environment)
            known = await organizations.list_known()
        for organization_id, days in periods.items():
            await self._apply_to(organization_id, timedelta(days=days))
        for organization_id in kept:
            if organization_id in known:
                await self._sweep(organization_id)
            else:
                await self._remove_if_deleted(organization_id)

    async def check_transcripts(self) -> None:
        """Have the indexes of all organizations of this deployment made where they are missing."""
        kept = await self._store.list_organizations()
        if kept:
            async with self._reading() as organizations:
                known = await organizations.list_known()
            await self._store.check([each for each in kept if each in known])

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[RetentionPeriodRepository]:
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            yield RetentionPeriodRepository(session)

    async def _apply_to(self, organization_id: OrganizationId, period: timedelta) -> None:
        before = self._clock.now() - period
        deleted = 0
        while True:
            async with transaction(self._sessions, within(organization_id)) as session:
                rows = RetentionRepository(session, organization_id)
                gone = await rows.remove_older(before, count=BATCH)
                if gone:
                    await self._store.of(session, organization_id).remove(gone)
            deleted += len(gone)
            if len(gone) < BATCH:
                break
        if deleted:
            log.info("conversations_expired", organization=str(organization_id), count=deleted)

    async def _remove_if_deleted(self, organization_id: OrganizationId) -> None:
        async with self._reading() as organizations:
            if not await organizations.was_removed(organization_id):
                return
        await self._store.remove_organization(organization_id)
        log.info("transcripts_of_organization_removed", organization=str(organization_id))

    async def _sweep(self, organization_id: OrganizationId) -> None:
        """Remove what was said in conversations that are gone.

        The relational store takes some along that no service hears of, such as a deleted user's.
        """
        after: ConversationId | None = None
        while True:
            found, lost = await self._sweep_some(organization_id, after)
            if lost:
                log.info(
                    "transcripts_without_conversation_removed",
                    organization=str(organization_id),
                    count=lost,
                )
            if len(found) < BATCH:
                return
            after = found[-1]

    async def _sweep_some(
        self, organization_id: OrganizationId, after: ConversationId | None
    ) -> tuple[Sequence[ConversationId], int]:
        reach = within(organization_id)
        async with transaction(self._sessions, reach, read_only=True) as session:
            said = self._store.of(session, organization_id)
            found = await said.list_conversations(after=after, count=BATCH)
            rows = RetentionRepository(session, organization_id)
            lost = await rows.list_missing(self._settled(found))
            if lost:
                await said.remove(lost)
        return found, len(lost)

    def _settled(self, found: Sequence[ConversationId]) -> Sequence[ConversationId]:
        latest = self._clock.now() - SETTLED
        return [each for each in found if time_of(each) < latest]

    async def _look_often(self) -> None:
        await self._try(self.check_transcripts)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._try(self.apply_if_due)

    async def _try(self, do: Callable[[], Awaitable[object]]) -> None:
        try:
            await do()
        except Exception as failure:  # noqa: BLE001  # a store that is away must not end it
            log.warning("retention_interrupted", error=type(failure).__name__)
