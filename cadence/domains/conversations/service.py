"""What a user does with their conversations."""

from cadence.domains.conversations.errors import ConversationNotFound
from cadence.domains.conversations.repository import ConversationRepository
from cadence.infra.database.tables import Conversation, Message
from cadence.kernel.clock import Clock
from cadence.kernel.ids import ConversationId
from cadence.kernel.paging import Page, PageRequest


class ConversationService:
    """Own conversations only; anybody else's is not found."""

    def __init__(self, *, conversations: ConversationRepository, clock: Clock) -> None:
        self._conversations = conversations
        self._clock = clock

    async def page(self, request: PageRequest) -> Page[Conversation]:
        """Return a page, newest first."""
        return await self._conversations.page(request)

    async def get(self, conversation_id: ConversationId) -> Conversation:
        """Return one conversation; raises `ConversationNotFound`."""
        found = await self._conversations.find(conversation_id)
        if found is None:
            raise ConversationNotFound
        return found

    async def page_messages(
        self, conversation_id: ConversationId, request: PageRequest
    ) -> Page[Message]:
        """Return a page of messages, oldest first."""
        await self.get(conversation_id)
        return await self._conversations.page_messages(conversation_id, request)

    async def rename(self, conversation_id: ConversationId, title: str) -> Conversation:
        """Give a conversation another title."""
        conversation = await self.get(conversation_id)
        conversation.title = title
        conversation.updated_at = self._clock.now()
        await self._conversations.save(conversation)
        return conversation

    async def remove(self, conversation_id: ConversationId) -> None:
        """Delete a conversation and all that was said in it."""
        await self._conversations.remove(await self.get(conversation_id))
