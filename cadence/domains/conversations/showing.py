"""How turns and conversations are shown to clients."""

from dataclasses import asdict

from cadence.domains.conversations.finished import FinishedTurn
from cadence.domains.conversations.schemas import (
    ChatAnswer,
    ConversationRead,
    MessageRead,
    ToolCallRead,
    UsageRead,
)
from cadence.domains.conversations.transcripts import StoredMessage
from cadence.domains.conversations.turns import StartedTurn
from cadence.infra.database.tables import Conversation


def show(row: Conversation) -> ConversationRead:
    """Return one conversation as its owner sees it."""
    return ConversationRead(
        id=row.id,
        title=row.title,
        instance_id=row.orchestrator_id,
        resource_id=row.resource_id,
        message_count=row.message_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def show_message(said: StoredMessage) -> MessageRead:
    """Return one message as the conversation's owner sees it."""
    return MessageRead(
        id=said.id,
        role=said.role,
        content=said.content,
        status=said.status,
        error_code=said.error_code,
        run_id=said.run_id,
        usage=None if said.usage is None else UsageRead.model_validate(said.usage),
        agents=list(said.agents),
        tools=list(said.tools),
        created_at=said.created_at,
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
