"""What a user does with their conversations."""

from cadence.domains.conversations.errors import ConversationNotFound
from cadence.domains.conversations.repository import ConversationRepository
from cadence.domains.conversations.schemas import ConversationQuery
from cadence.domains.conversations.transcripts import StoredMessage, Transcripts
from cadence.infra.database.tables import Conversation
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import ConversationId, MessageId, new_uuid
from cadence.kernel.paging import Page, PageRequest


class ConversationService:
    """Own conversations only; anybody else's is not found."""

    def __init__(
        self, *, conversations: ConversationRepository, transcripts: Transcripts, clock: Clock
    ) -> None:
        self._conversations = conversations
        self._transcripts = transcripts
        self._clock = clock

    async def page(self, query: ConversationQuery) -> Page[Conversation]:
        """Return a page, unsorted newest first."""
        return await self._conversations.page(query)

    async def get(self, conversation_id: ConversationId) -> Conversation:
        """Return one conversation; raises `ConversationNotFound`."""
        found = await self._conversations.find(conversation_id)
        if found is None:
            raise ConversationNotFound
        return found

    async def page_messages(
        self, conversation_id: ConversationId, request: PageRequest
    ) -> Page[StoredMessage]:
        """Return a page of messages, oldest first."""
        await self.get(conversation_id)
        return await self._transcripts.page(conversation_id, request)

    async def rename(self, conversation_id: ConversationId, title: str) -> Conversation:
        """Give a conversation another title."""
        conversation = await self.get(conversation_id)
        conversation.title = title
        conversation.updated_at = self._clock.now()
        await self._conversations.save(conversation)
        return conversation

    async def fork(self, conversation_id: ConversationId, message_id: MessageId) -> Conversation:
        """Begin a conversation with a copy of this one's history up to a message.

        What happens in either of them later does not touch the other. Raises
        `ConversationNotFound`, or `InvalidInput` for a message that is not in it.
        """
        source = await self.get(conversation_id)
        forked = self._fork_of(source)
        await self._conversations.save(forked)
        copied = await self._transcripts.copy(
            conversation_id, ConversationId(forked.id), up_to=message_id, now=forked.created_at
        )
        if not copied:
            raise InvalidInput.of(FieldProblem("message_id", "is no message of this conversation"))
        return forked

    def _fork_of(self, source: Conversation) -> Conversation:
        now = self._clock.now()
        return Conversation(
            id=new_uuid(),
            organization_id=source.organization_id,
            user_id=source.user_id,
            api_key_id=source.api_key_id,
            orchestrator_id=source.orchestrator_id,
            title=source.title,
            resource_id=source.resource_id,
            message_count=0,
            created_at=now,
            updated_at=now,
        )

    async def remove(self, conversation_id: ConversationId) -> None:
        """Delete a conversation and all that was said in it."""
        await self._conversations.remove(await self.get(conversation_id))
        await self._transcripts.remove([conversation_id])
