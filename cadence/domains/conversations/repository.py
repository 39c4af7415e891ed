"""Conversations of one owner in one organization at a time."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.conversations.history import Summary
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
from cadence.infra.database.tables import Conversation, ConversationSummary, Message
from cadence.kernel.ids import ConversationId, MessageId, OrganizationId
from cadence.kernel.paging import Page, PageRequest, cut_page

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
        self._organization_id = organization_id
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
        """Delete a conversation and its messages."""
        await self._session.delete(conversation)
        await self._session.flush()

    async def append(self, conversation: Conversation, message: Message) -> None:
        """Add a message at the end of one of the user's conversations."""
        message.position = conversation.message_count
        self._session.add(message)
        await self._session.flush()
        await self._session.refresh(conversation)

    async def page_messages(
        self, conversation_id: ConversationId, request: PageRequest
    ) -> Page[Message]:
        """Return a page of messages, oldest first."""
        query = self._messages(conversation_id).order_by(Message.position)
        after = request.after_number()
        if after is not None:
            query = query.where(Message.position > after)
        rows = (await self._session.scalars(query.limit(request.limit + 1))).all()
        return cut_page(rows, request.limit, key=lambda row: str(row.position))

    async def list_up_to(
        self, conversation_id: ConversationId, message_id: MessageId
    ) -> Sequence[Message]:
        """Return the messages up to and with this one, oldest first; none if it is not there."""
        mine = self._messages(conversation_id)
        last = await self._session.scalar(mine.where(Message.id == message_id))
        if last is None:
            return []
        query = mine.where(Message.position <= last.position).order_by(Message.position)
        return (await self._session.scalars(query)).all()

    async def find_summary(self, conversation_id: ConversationId) -> Summary | None:
        """Return the newest summary of a conversation."""
        row = await self._session.scalar(self._summaries(conversation_id))
        return None if row is None else Summary(up_to=row.up_to_position, text=row.content)

    async def keep_summary(
        self, conversation_id: ConversationId, summary: Summary, *, now: datetime
    ) -> None:
        """Replace a conversation's summary; one that is gone by now needs none."""
        if await self.find(conversation_id) is None:
            return
        row = await self._session.scalar(self._summaries(conversation_id))
        if row is None:
            row = ConversationSummary(
                conversation_id=conversation_id, organization_id=self._organization_id
            )
            self._session.add(row)
        row.up_to_position = summary.up_to
        row.content = summary.text
        row.created_at = now
        await self._session.flush()

    def _summaries(self, conversation_id: ConversationId) -> Select[ConversationSummary]:
        return select(ConversationSummary).where(
            ConversationSummary.organization_id == self._organization_id,
            ConversationSummary.conversation_id == conversation_id,
        )

    async def list_newest(self, conversation_id: ConversationId, count: int) -> Sequence[Message]:
        """Return the newest messages, oldest of them first."""
        query = self._messages(conversation_id).order_by(Message.position.desc()).limit(count)
        return list(reversed((await self._session.scalars(query)).all()))

    def _messages(self, conversation_id: ConversationId) -> Select[Message]:
        return select(Message).where(
            Message.organization_id == self._organization_id,
            Message.conversation_id == conversation_id,
        )
