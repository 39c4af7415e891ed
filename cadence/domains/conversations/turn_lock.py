"""One turn at a time in each conversation, whichever process runs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from redis.asyncio import Redis

from cadence.domains.conversations.errors import ConversationBusy
from cadence.kernel.ids import ConversationId, RunId, new_ulid, new_uuid

# Only the run that holds the lock may open it: a late one must not free its successor's.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end return 1"
# The longest summary and the longest `invoke_timeout`, ten minutes each, and a minute to store the
# answer; a process that died holds the conversation no longer than this.
_LONGEST = timedelta(minutes=21)


@dataclass(frozen=True, slots=True)
class TakenConversation:
    """A conversation, perhaps a new one, that belongs to one run until it is released."""

    conversation_id: ConversationId
    run_id: RunId


class TurnLock:
    """Held from before the user's message is stored until the final event is written."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @asynccontextmanager
    async def taking(self, conversation_id: UUID | None) -> AsyncIterator[TakenConversation]:
        """Take a conversation, or the id of a new one; raises `ConversationBusy`.

        It is given back when the block fails, and otherwise kept for the run to release.
        """
        taken = TakenConversation(ConversationId(conversation_id or new_uuid()), RunId(new_ulid()))
        key = _key(taken.conversation_id)
        if not await self._redis.set(key, taken.run_id, nx=True, ex=_LONGEST):
            raise ConversationBusy
        try:
            yield taken
        except BaseException:
            await self.release(taken.conversation_id, taken.run_id)
            raise

    async def release(self, conversation_id: ConversationId, run_id: RunId) -> None:
        """Give the conversation back."""
        await self._redis.eval(_RELEASE, 1, _key(conversation_id), run_id)


def _key(conversation_id: ConversationId) -> str:
    return f"turn:{conversation_id}"
