"""Conversations by their age, whoever's they are, in one organization at a time."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.tables import Conversation
from cadence.kernel.ids import ConversationId, OrganizationId


class RetentionRepository:
    """Every query starts from the organization's own rows."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def remove_older(self, before: datetime, *, count: int) -> Sequence[ConversationId]:
        """Delete the oldest conversations that were last changed before a time; return which."""
        is_older = Conversation.updated_at < before
        oldest = (
            select(Conversation.id)
            .where(Conversation.organization_id == self._organization_id, is_older)
            .order_by(Conversation.updated_at)
            .limit(count)
        )
        removed = (
            delete(Conversation)
            # Asked again: somebody may have spoken since the oldest were chosen.
            .where(Conversation.id.in_(oldest), is_older)
            .returning(Conversation.id)
            .execution_options(synchronize_session=False)
        )
        return [ConversationId(each) for each in await self._session.scalars(removed)]

    async def list_missing(self, ids: Collection[ConversationId]) -> Sequence[ConversationId]:
        """Return those of the ids that no conversation of the organization has."""
        kept = select(Conversation.id).where(
            Conversation.organization_id == self._organization_id, Conversation.id.in_(ids)
        )
        there = set(await self._session.scalars(kept))
        return [each for each in ids if each not in there]
