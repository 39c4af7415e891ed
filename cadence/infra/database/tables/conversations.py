"""Conversations, and what was said in them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.base import Base, Owned


class Conversation(Owned, Base):
    """One user's conversation with one orchestrator, or one service key's.

    The store itself counts a message that is added and notes its time (migration 0006), so that a
    turn needs no statement for it; transcripts that are kept elsewhere do so by hand.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("(user_id IS NULL) <> (api_key_id IS NULL)", name="one_owner"),
        Index("ix_conversations_owner", "organization_id", "user_id", "id"),
        Index("ix_conversations_recent", "organization_id", "user_id", "updated_at", "id"),
        Index("ix_conversations_api_key_id", "api_key_id"),
        Index("ix_conversations_orchestrator_id", "orchestrator_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    api_key_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    orchestrator_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("orchestrators.id", ondelete="SET NULL")
    )
    title: Mapped[str] = mapped_column(String(200))
    resource_id: Mapped[str | None] = mapped_column(String(200))
    message_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Message(Owned, Base):
    """One side's words in one turn; `status` tells a whole answer from a broken-off one.

    `usage`, `tools` and `agents` belong to answers only.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "position"),
        # Each side speaks once in a run: whoever finishes a run for a dead process may come late.
        Index("ix_messages_run", "conversation_id", "run_id", "role", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
    position: Mapped[int]
    run_id: Mapped[str] = mapped_column(String(26))
    role: Mapped[str] = mapped_column(String(16))
    content: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    error_code: Mapped[str | None] = mapped_column(String(64))
    usage: Mapped[dict[str, Any] | None]
    agents: Mapped[list[Any]]
    tools: Mapped[list[Any]]
    created_at: Mapped[datetime]


class ConversationSummary(Owned, Base):
    """What stands for a conversation's messages up to `up_to_position`, which stay stored."""

    __tablename__ = "conversation_summaries"

    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    up_to_position: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
