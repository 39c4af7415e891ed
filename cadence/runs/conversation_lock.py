"""One turn at a time in each conversation, whichever process runs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from redis.asyncio import Redis

from cadence.kernel.ids import ConversationId, OrganizationId, RunId, new_ulid, new_uuid
from cadence.runs.claiming import give_back, take
from cadence.runs.errors import ConversationBusy
from cadence.runs.keys import lock_key

# Seconds that a lock outlives the process that holds it; `RunKeeper` renews it long before.
LOCK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class TakenConversation:
    """A conversation, perhaps a new one, that belongs to one run until it is released."""

    conversation_id: ConversationId
    run_id: RunId


class ConversationLock:
    """Held from before the user's message is stored until the final event is written."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @asynccontextmanager
    async def taking(
        self,
        conversation_id: UUID | None,
        *,
        organization_id: OrganizationId,
        owner: str,
        run_id: RunId | None = None,
    ) -> AsyncIterator[TakenConversation]:
        """Take a conversation, or the id of a new one; raises `ConversationBusy`.

        It is given back when it or the block fails, and otherwise kept for the run to release. The
        run gets a new id unless it has one. Nobody has looked yet whose conversation it is: what
        the owner of another one takes is not this one.
        """
        taken = TakenConversation(
            ConversationId(conversation_id or new_uuid()), run_id or RunId(new_ulid())
        )
        key = lock_key(organization_id, owner, taken.conversation_id)
        try:
            await self._take(key, taken.run_id)
            yield taken
        except BaseException:
            await give_back(self._redis, key, taken.run_id.encode())
            raise

    async def release(
        self,
        conversation_id: ConversationId,
        run_id: RunId,
        *,
        organization_id: OrganizationId,
        owner: str,
    ) -> None:
        """Give the conversation back, if it is still this run's.

        A run's final event has done so already; for a run that never began it is done here.
        """
        key = lock_key(organization_id, owner, conversation_id)
        await give_back(self._redis, key, run_id.encode())

    async def _take(self, key: str, run_id: RunId) -> None:
        if not await take(self._redis, key, run_id.encode(), seconds=LOCK_SECONDS):
            raise ConversationBusy
