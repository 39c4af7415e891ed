"""How turns and conversations are shown to clients."""

from dataclasses import asdict

from cadence.domains.conversations.driving import FinishedTurn
from cadence.domains.conversations.schemas import (
    ChatAnswer,
    ConversationRead,
    MessageRead,
    ToolCallRead,
    UsageRead,
)
from cadence.domains.conversations.turns import StartedTurn
from cadence.infra.database.tables import Conversation, Message


def show(row: Conversation) -> ConversationRead:
    """Return one conversation as its owner sees it."""
    return ConversationRead(
        id=row.id,
        title=row.title,
        instance_id=row.orchestrator_id,
        message_count=row.message_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def show_message(row: Message) -> MessageRead:
    """Return one message as the conversation's owner sees it."""
    return MessageRead(
        id=row.id,
        role="user" if row.role == "user" else "assistant",
        content=row.content,
        status=row.status,
        error_code=row.error_code,
        run_id=row.run_id,
        usage=None if row.usage is None else UsageRead.model_validate(row.usage),
        agents=row.agents,
        tools=row.tools,
        created_at=row.created_at,
    )


def show_answer(started: StartedTurn, finished: FinishedTurn) -> ChatAnswer:
    """Return a finished turn as one document."""
    transcript = finished.transcript
    return ChatAnswer(
        run_id=started.run_id,
        conversation_id=started.conversation_id,
        message=transcript.answer,
        usage=UsageRead(**asdict(finished.usage)),
        agents=transcript.agents,
        tools=[ToolCallRead(**asdict(call)) for call in transcript.tools.values()],
    )
