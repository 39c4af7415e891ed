"""Messages and summaries as rows beside their conversations."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import override

from cadence.domains.conversations.history import Summary
from cadence.domains.conversations.transcript_counts import set_count
from cadence.domains.conversations.transcripts import (
    AlreadySaid,
    ConversationGone,
    NewMessage,
    Recalled,
    RecalledMessage,
    Side,
    StoredMessage,
    Transcripts,
    TranscriptStore,
)
from cadence.infra.database.tables import Conversation, ConversationSummary, Message
from cadence.infra.database.transaction import Session
from cadence.infra.database.walls import within_reach
from cadence.kernel.ids import ConversationId, MessageId, OrganizationId, RunId, new_uuid
from cadence.kernel.paging import Page, PageRequest, cut_page

# What the stores call the constraint that lets each side speak once in a run, and what they say
# when there is no such conversation or it goes in the same moment.
_ONCE_IN_A_RUN = ("ix_messages_run", "messages.run_id")
_GONE = frozenset({"23502", "23503", "SQLITE_CONSTRAINT_NOTNULL", "SQLITE_CONSTRAINT_FOREIGNKEY"})


class TranscriptTables(TranscriptStore):
    """Tables in the relational store; an organization's rows go by themselves when it does."""

    @property
    @override
    def is_relational(self) -> bool:
        """Whether messages lie in the session's own store."""
        return True

    @override
    def of(self, session: Session, organization_id: OrganizationId) -> "TranscriptRepository":
        """Return one organization's."""
        return TranscriptRepository(session, organization_id)

    @override
    async def prepare(self, organization_id: OrganizationId) -> None:
        """Do nothing: tables are there."""

    @override
    async def list_organizations(self) -> Sequence[OrganizationId]:
        """Return none: no row outlives its organization."""
        return ()

    @override
    async def check(self, organization_ids: Collection[OrganizationId]) -> None:
        """Do nothing: migrations make the indexes."""

    @override
    async def remove_organization(self, organization_id: OrganizationId) -> None:
        """Do nothing: the rows went with the organization's."""


class TranscriptRepository(Transcripts):
    """What was said in one organization's conversations; every query starts from its own rows."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    @override
    async def append(self, conversation_id: ConversationId, message: NewMessage) -> None:
        """Add a message behind the newest; the store itself counts it (migration 0006)."""
        row = _row(message, self._organization_id, conversation_id)
        # Locked and read again by whoever had to wait, so that two who speak at once get two
        # places. There is none in a conversation that is gone, or another organization's.
        place = select(Conversation.message_count).where(
            Conversation.organization_id == self._organization_id,
            Conversation.id == conversation_id,
        )
        walled = within_reach(self._session, place, Conversation)
        row.position = walled.with_for_update(key_share=True).scalar_subquery()
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError as refused:
            raise _meaning_of(refused) from refused

    @override
    async def recall(self, conversation_id: ConversationId, count: int) -> Recalled:
        """Return the newest messages and the summary; two statements."""
        return Recalled(
            messages=[
                RecalledMessage(position=row.position, role=_side(row.role), content=row.content)
                for row in await self._newest(conversation_id, count)
            ],
            summary=await self.find_summary(conversation_id),
        )

    @override
    async def list_newest(
        self, conversation_id: ConversationId, count: int
    ) -> Sequence[StoredMessage]:
        """Return the newest messages, oldest of them first."""
        return [stored(row) for row in await self._newest(conversation_id, count)]

    @override
    async def page(
        self, conversation_id: ConversationId, request: PageRequest
    ) -> Page[StoredMessage]:
        """Return a page, oldest first."""
        query = self._messages(conversation_id).order_by(Message.position)
        after = request.after_number()
        if after is not None:
            query = query.where(Message.position > after)
        rows = (await self._session.scalars(query.limit(request.limit + 1))).all()
        return cut_page(rows, request.limit, key=lambda row: str(row.position)).map(stored)

    @override
    async def find_of_run(
        self, conversation_id: ConversationId, run_id: RunId
    ) -> Sequence[StoredMessage]:
        """Return what was said in one run, oldest first."""
        query = self._messages(conversation_id).where(Message.run_id == run_id)
        rows = await self._session.scalars(query.order_by(Message.position))
        return [stored(row) for row in rows]

    @override
    async def find_summary(self, conversation_id: ConversationId) -> Summary | None:
        """Return what stands for the older messages of a conversation."""
        row = await self._session.scalar(self._summaries(conversation_id))
        return None if row is None else Summary(up_to=row.up_to_position, text=row.content)

    @override
    async def keep_summary(
        self, conversation_id: ConversationId, summary: Summary, *, now: datetime
    ) -> None:
        """Replace a conversation's summary; one that is gone by now needs none."""
        if not await self._exists(conversation_id):
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

    @override
    async def copy(
        self,
        source_id: ConversationId,
        target_id: ConversationId,
        *,
        up_to: MessageId,
        now: datetime,
    ) -> int:
        """Copy messages into a conversation that has none yet."""
        if not await self._exists(target_id):
            raise ConversationGone
        shared = await self._up_to(source_id, up_to)
        self._session.add_all(
            _row(stored(row), self._organization_id, target_id, position=row.position)
            for row in shared
        )
        await self._session.flush()
        # The store has counted them, and takes their time for the conversation's.
        await set_count(self._session, self._organization_id, target_id, count=len(shared), now=now)
        return len(shared)

    @override
    async def list_conversations(
        self, *, after: ConversationId | None, count: int
    ) -> Sequence[ConversationId]:
        """Return the conversations in which something was said, by id."""
        query = select(Message.conversation_id).where(
            Message.organization_id == self._organization_id, Message.position == 0
        )
        if after is not None:
            query = query.where(Message.conversation_id > after)
        rows = await self._session.scalars(query.order_by(Message.conversation_id).limit(count))
        return [ConversationId(each) for each in rows]

    @override
    async def remove(self, conversation_ids: Collection[ConversationId]) -> None:
        """Remove all that was said in these conversations."""
        for table in (Message, ConversationSummary):
            await self._session.execute(
                delete(table)
                .where(
                    table.organization_id == self._organization_id,
                    table.conversation_id.in_(conversation_ids),
                )
                .execution_options(synchronize_session=False)
            )

    async def _exists(self, conversation_id: ConversationId) -> bool:
        query = select(Conversation.id).where(
            Conversation.organization_id == self._organization_id,
            Conversation.id == conversation_id,
        )
        return await self._session.scalar(query) is not None

    async def _newest(self, conversation_id: ConversationId, count: int) -> Iterable[Message]:
        query = self._messages(conversation_id).order_by(Message.position.desc()).limit(count)
        return reversed((await self._session.scalars(query)).all())

    async def _up_to(
        self, conversation_id: ConversationId, message_id: MessageId
    ) -> Sequence[Message]:
        mine = self._messages(conversation_id)
        last = await self._session.scalar(mine.where(Message.id == message_id))
        if last is None:
            return ()
        query = mine.where(Message.position <= last.position).order_by(Message.position)
        return (await self._session.scalars(query)).all()

    def _messages(self, conversation_id: ConversationId) -> Select[Message]:
        return select(Message).where(
            Message.organization_id == self._organization_id,
            Message.conversation_id == conversation_id,
        )

    def _summaries(self, conversation_id: ConversationId) -> Select[ConversationSummary]:
        return select(ConversationSummary).where(
            ConversationSummary.organization_id == self._organization_id,
            ConversationSummary.conversation_id == conversation_id,
        )


def stored(row: Message) -> StoredMessage:
    """Return a row as what it says."""
    return StoredMessage(
        id=MessageId(row.id),
        run_id=RunId(row.run_id),
        role=_side(row.role),
        content=row.content,
        status=row.status,
        error_code=row.error_code,
        usage=row.usage,
        agents=row.agents,
        tools=row.tools,
        created_at=row.created_at,
        position=row.position,
    )


def _row(
    message: NewMessage,
    organization_id: OrganizationId,
    conversation_id: UUID,
    *,
    position: int | None = None,
) -> Message:
    """Return a row for a message; with a position it is a copy, which gets an id of its own."""
    row = Message(
        id=message.id if position is None else new_uuid(),
        organization_id=organization_id,
        conversation_id=conversation_id,
        run_id=message.run_id,
        role=message.role,
        content=message.content,
        status=message.status,
        error_code=message.error_code,
        usage=message.usage,
        agents=list(message.agents),
        tools=list(message.tools),
        created_at=message.created_at,
    )
    if position is not None:
        row.position = position
    return row


def _meaning_of(refused: IntegrityError) -> Exception:
    driver = refused.orig
    if any(name in str(driver) for name in _ONCE_IN_A_RUN):
        return AlreadySaid()
    told = {getattr(driver, "sqlstate", None), getattr(driver, "sqlite_errorname", None)}
    return ConversationGone() if told & _GONE else refused


def _side(role: str) -> Side:
    return "user" if role == "user" else "assistant"
