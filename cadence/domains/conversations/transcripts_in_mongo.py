"""Messages and summaries as documents, in a database of each organization's own."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import override

from cadence.domains.conversations.history import Summary
from cadence.domains.conversations.transcript_counts import count_one, set_count
from cadence.domains.conversations.transcripts import (
    AlreadySaid,
    ConversationGone,
    NewMessage,
    Recalled,
    RecalledMessage,
    StoredMessage,
    Transcripts,
    TranscriptStore,
)
from cadence.infra.database.tables import Conversation
from cadence.infra.database.transaction import Session
from cadence.infra.mongo.away import PATIENT_SECONDS, reaching
from cadence.infra.mongo.filters import Filter, above, among, equal, up_to
from cadence.infra.mongo.organizations import (
    Document,
    OrganizationDatabase,
    OrganizationDatabases,
)
from cadence.kernel.ids import ConversationId, MessageId, OrganizationId, RunId, new_uuid
from cadence.kernel.paging import Page, PageRequest, cut_page

FORWARD, BACKWARD = 1, -1


class TranscriptDatabases(TranscriptStore):
    """A MongoDB with a database for each organization."""

    def __init__(self, databases: OrganizationDatabases) -> None:
        self._databases = databases

    @property
    @override
    def is_relational(self) -> bool:
        """Whether messages lie in the session's own store."""
        return False

    @override
    def of(self, session: Session, organization_id: OrganizationId) -> "TranscriptDocuments":
        """Return one organization's."""
        return TranscriptDocuments(session, organization_id, self._databases.of(organization_id))

    @override
    async def prepare(self, organization_id: OrganizationId) -> None:
        """Make its indexes that are not there."""
        await self._databases.of(organization_id).prepare()

    @override
    async def list_organizations(self) -> Sequence[OrganizationId]:
        """Return whose databases there are."""
        return [OrganizationId(each) for each in await self._databases.list_organizations()]

    @override
    async def check(self, organization_ids: Collection[OrganizationId]) -> None:
        """Make the indexes that are missing."""
        await self._databases.check(organization_ids)

    @override
    async def remove_organization(self, organization_id: OrganizationId) -> None:
        """Drop its database."""
        await self._databases.drop(organization_id)


class TranscriptDocuments(Transcripts):
    """What was said in one organization's conversations.

    No trigger counts a document, so that is done by hand; the conversation's row is also what
    makes those wait who write into the same conversation.
    """

    def __init__(
        self, session: AsyncSession, organization_id: OrganizationId, own: OrganizationDatabase
    ) -> None:
        self._session = session
        self._organization_id = organization_id
        self._own = own

    @override
    async def append(self, conversation_id: ConversationId, message: NewMessage) -> None:
        """Count a message in its conversation's row, then add it behind the newest."""
        counted = await count_one(
            self._session, self._organization_id, conversation_id, now=message.created_at
        )
        if counted is None:
            raise ConversationGone
        document = _document(message, conversation_id, position=counted - 1)
        if not await self._own.add(document):
            await self._append_all_the_same(document)

    async def _append_all_the_same(self, document: Document) -> None:
        """Find out what is in the way: the same message, or one whose transaction failed."""
        conversation_id, role = document["conversation_id"], document["role"]
        in_this_run = equal(conversation_id=conversation_id, run_id=document["run_id"], role=role)
        async with reaching():
            found = await self._own.messages.find_one(in_this_run)
            newest = await self._find(equal(conversation_id=conversation_id), 1)
        if found is None:
            document["position"] = newest[0]["position"] + 1
            await set_count(
                self._session,
                self._organization_id,
                conversation_id,
                count=document["position"] + 1,
                now=document["created_at"],
            )
            is_added = await self._own.add(document)
        else:
            is_added = (found["_id"], found["position"]) == (document["_id"], document["position"])
        if not is_added:
            raise AlreadySaid

    @override
    async def recall(self, conversation_id: ConversationId, count: int) -> Recalled:
        """Return the newest messages and the summary; two round trips."""
        return Recalled(
            messages=[
                RecalledMessage(position=said.position, role=said.role, content=said.content)
                for said in await self.list_newest(conversation_id, count)
            ],
            summary=await self.find_summary(conversation_id),
        )

    @override
    async def list_newest(
        self, conversation_id: ConversationId, count: int
    ) -> Sequence[StoredMessage]:
        """Return the newest messages, oldest of them first."""
        if count == 0:  # which would be no limit at all to MongoDB
            return ()
        async with reaching():
            found = await self._find(equal(conversation_id=conversation_id), count)
        return [_stored(document) for document in reversed(found)]

    @override
    async def page(
        self, conversation_id: ConversationId, request: PageRequest
    ) -> Page[StoredMessage]:
        """Return a page, oldest first."""
        wanted = equal(conversation_id=conversation_id)
        after = request.after_number()
        if after is not None:
            wanted |= above("position", after)
        async with reaching():
            found = await self._find(wanted, request.limit + 1, direction=FORWARD)
        page = cut_page(found, request.limit, key=lambda document: str(document["position"]))
        return page.map(_stored)

    @override
    async def find_of_run(
        self, conversation_id: ConversationId, run_id: RunId
    ) -> Sequence[StoredMessage]:
        """Return what was said in one run, oldest first."""
        wanted = equal(conversation_id=conversation_id, run_id=run_id)
        async with reaching():
            return [_stored(each) for each in await self._find(wanted, None, direction=FORWARD)]

    @override
    async def find_summary(self, conversation_id: ConversationId) -> Summary | None:
        """Return what stands for the older messages of a conversation."""
        async with reaching():
            found = await self._own.summaries.find_one(equal(_id=conversation_id))
        return None if found is None else Summary(up_to=found["up_to"], text=found["content"])

    @override
    async def keep_summary(
        self, conversation_id: ConversationId, summary: Summary, *, now: datetime
    ) -> None:
        """Replace a conversation's summary; one that is gone by now needs none."""
        # Whoever deletes the conversation waits until the summary is there to be deleted too.
        kept = select(Conversation.id).where(
            Conversation.organization_id == self._organization_id,
            Conversation.id == conversation_id,
        )
        if await self._session.scalar(kept.with_for_update(read=True, key_share=True)) is None:
            return
        document: Document = {
            "_id": conversation_id,
            "up_to": summary.up_to,
            "content": summary.text,
            "created_at": now,
        }
        async with reaching():
            await self._own.summaries.replace_one(equal(_id=conversation_id), document, upsert=True)

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
        async with reaching():
            shared = await self._up_to(source_id, up_to)
        is_there = await set_count(
            self._session, self._organization_id, target_id, count=len(shared), now=now
        )
        if not is_there:
            raise ConversationGone
        copies = [{**each, "_id": new_uuid(), "conversation_id": target_id} for each in shared]
        if copies:
            async with reaching(PATIENT_SECONDS):
                await self._own.messages.insert_many(copies)
        return len(copies)

    @override
    async def list_conversations(
        self, *, after: ConversationId | None, count: int
    ) -> Sequence[ConversationId]:
        """Return the conversations in which something was said, by id."""
        wanted = equal(position=0)
        if after is not None:
            wanted |= above("conversation_id", after)
        async with reaching(PATIENT_SECONDS):
            cursor = self._own.messages.find(wanted, {"conversation_id": 1})
            found = await cursor.sort("conversation_id", FORWARD).limit(count).to_list(None)
        return [ConversationId(document["conversation_id"]) for document in found]

    @override
    async def remove(self, conversation_ids: Collection[ConversationId]) -> None:
        """Remove all that was said in these conversations."""
        async with reaching():
            await self._own.summaries.delete_many(among("_id", conversation_ids))
        async with reaching(PATIENT_SECONDS):
            await self._own.messages.delete_many(among("conversation_id", conversation_ids))

    async def _up_to(
        self, conversation_id: ConversationId, message_id: MessageId
    ) -> Sequence[Document]:
        mine = equal(conversation_id=conversation_id)
        last = await self._own.messages.find_one(mine | equal(_id=message_id))
        if last is None:
            return ()
        wanted = mine | up_to("position", last["position"])
        return await self._find(wanted, None, direction=FORWARD)

    async def _find(
        self, wanted: Filter, limit: int | None, *, direction: int = BACKWARD
    ) -> Sequence[Document]:
        cursor = self._own.messages.find(wanted).sort("position", direction)
        return await (cursor if limit is None else cursor.limit(limit)).to_list(None)


def _document(message: NewMessage, conversation_id: ConversationId, *, position: int) -> Document:
    return {
        "_id": message.id,
        "conversation_id": conversation_id,
        "position": position,
        "run_id": message.run_id,
        "role": message.role,
        "content": message.content,
        "status": message.status,
        "error_code": message.error_code,
        "usage": message.usage,
        "agents": list(message.agents),
        "tools": list(message.tools),
        # MongoDB keeps milliseconds.
        "created_at": message.created_at,
    }


def _stored(document: Document) -> StoredMessage:
    return StoredMessage(
        id=MessageId(document["_id"]),
        run_id=RunId(document["run_id"]),
        role="user" if document["role"] == "user" else "assistant",
        content=document["content"],
        status=document["status"],
        error_code=document["error_code"],
        usage=document["usage"],
        agents=document["agents"],
        tools=document["tools"],
        created_at=document["created_at"].astimezone(UTC),
        position=document["position"],
    )
