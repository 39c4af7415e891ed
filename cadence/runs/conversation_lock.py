"""One turn at a time in each conversation, whichever process runs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from redis.asyncio import Redis

from cadence.kernel.ids import ConversationId, RunId, new_ulid, new_uuid
from cadence.runs.errors import ConversationBusy
from cadence.runs.keys import lock_key
from cadence.runs.scripts import RELEASE_LOCK

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
        self, conversation_id: UUID | None, *, run_id: RunId | None = None
    ) -> AsyncIterator[TakenConversation]:
        """Take a conversation, or the id of a new one; raises `ConversationBusy`.

        It is given back when the block fails, and otherwise kept for the run to release. The run
        gets a new id unless it has one.
        """
        taken = TakenConversation(
            ConversationId(conversation_id or new_uuid()), run_id or RunId(new_ulid())
        )
        key = lock_key(taken.conversation_id)
        if not await self._redis.set(key, taken.run_id, nx=True, ex=LOCK_SECONDS):
            raise ConversationBusy
        try:
            yield taken
        except BaseException:
            await self.release(taken.conversation_id, taken.run_id)
            raise

    async def release(self, conversation_id: ConversationId, run_id: RunId) -> None:
        """Give the conversation back, if it is still this run's.

        A run's final event has done so already; for a run that never began it is done here.
        """
        await self._redis.eval(RELEASE_LOCK, 1, lock_key(conversation_id), run_id)
