"""Conversations of one owner in one organization at a time."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.schemas import ConversationQuery
from cadence.infra.database.folding import contains
from cadence.infra.database.listing import (
    Order,
    by_time,
    by_uuid,
    narrowed,
    page_entities,
    same,
)
from cadence.infra.database.tables import Conversation
from cadence.kernel.ids import ConversationId, OrganizationId
from cadence.kernel.paging import Page

CONVERSATIONS = Order(
    id=by_uuid(Conversation.id),
    keys={
        "created_at": by_time(Conversation.created_at),
        "updated_at": by_time(Conversation.updated_at),
    },
    is_descending=True,
)


class ConversationRepository:
    """Every query starts from the owner's own rows."""

    def __init__(
        self, session: AsyncSession, organization_id: OrganizationId, owner: ConversationOwner
    ) -> None:
        self._session = session
        self._own = select(Conversation).where(
            Conversation.organization_id == organization_id,
            Conversation.user_id == owner.user_id
            if owner.user_id is not None
            else Conversation.api_key_id == owner.api_key_id,
        )

    async def find(self, conversation_id: ConversationId) -> Conversation | None:
        """Return one conversation."""
        return await self._session.scalar(self._own.where(Conversation.id == conversation_id))

    async def page(self, query: ConversationQuery) -> Page[Conversation]:
        """Return a page, unsorted newest first."""
        rows = narrowed(
            self._own,
            contains(query.search, Conversation.title),
            same(Conversation.orchestrator_id, query.instance_id),
        )
        return await page_entities(
            self._session, rows, order=CONVERSATIONS, request=query.request()
        )

    async def save(self, conversation: Conversation) -> None:
        """Write a new or changed conversation."""
        self._session.add(conversation)
        await self._session.flush()

    async def remove(self, conversation: Conversation) -> None:
        """Delete a conversation, and what the same store holds of it."""
        await self._session.delete(conversation)
        await self._session.flush()
