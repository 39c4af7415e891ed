"""How many messages a conversation's row says there are, where no trigger counts them."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, update
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.tables import Conversation
from cadence.kernel.ids import ConversationId, OrganizationId


async def count_one(
    session: AsyncSession,
    organization_id: OrganizationId,
    conversation_id: ConversationId,
    *,
    now: datetime,
) -> int | None:
    """Count one more, and return how many there are; None when the conversation is gone.

    Whoever counts another in the same conversation waits until this transaction has ended.
    """
    counted = (
        update(Conversation)
        .where(_is(organization_id, conversation_id))
        .values(message_count=Conversation.message_count + 1, updated_at=now)
        .returning(Conversation.message_count)
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(counted)).scalar_one_or_none()


async def set_count(
    session: AsyncSession,
    organization_id: OrganizationId,
    conversation_id: ConversationId,
    *,
    count: int,
    now: datetime,
) -> bool:
    """Set how many there are, also in the row that the session holds; False when it is gone."""
    counted = (
        update(Conversation)
        .where(_is(organization_id, conversation_id))
        .values(message_count=count, updated_at=now)
        .returning(Conversation.id)
        .execution_options(synchronize_session="fetch")
    )
    return (await session.execute(counted)).scalar_one_or_none() is not None


def _is(organization_id: OrganizationId, conversation_id: ConversationId) -> ColumnElement[bool]:
    return and_(Conversation.organization_id == organization_id, Conversation.id == conversation_id)
