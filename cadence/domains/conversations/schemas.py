"""What a turn takes and gives, and how conversations are shown."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from cadence.http.bodies import Input, Output
from cadence.http.paging import ListQuery, Perhaps
from cadence.http.text import Name, SafeLine, SafeText

# About eight pages; longer texts belong into a plugin's search, not into a prompt.
MAX_MESSAGE_CHARACTERS = 32_768
# As the column has it.
MAX_RESOURCE_CHARACTERS = 200
ConversationSort = Literal["created_at", "-created_at", "updated_at", "-updated_at"]


class OnDisconnect(StrEnum):
    """What becomes of a run whose client goes away before its end."""

    CONTINUE = "continue"
    CANCEL = "cancel"


ResourceId = Annotated[SafeLine, Field(min_length=1, max_length=MAX_RESOURCE_CHARACTERS)]


class TurnRequest(Input):
    """One message; without `conversation_id` a new conversation begins.

    `on_disconnect` says whether losing this connection before the end cancels the run.
    """

    instance_id: UUID
    message: Annotated[SafeText, Field(min_length=1, max_length=MAX_MESSAGE_CHARACTERS)]
    conversation_id: UUID | None = None
    resource_id: ResourceId | None = Field(
        default=None,
        description=(
            "The record that a new conversation is about, for plugins whose agent works on one. "
            "It stays the conversation's, so later turns may leave it out; none may name another."
        ),
    )
    on_disconnect: OnDisconnect = OnDisconnect.CONTINUE


class UsageRead(Output):
    """What a turn has cost."""

    input_tokens: int
    output_tokens: int
    llm_calls: int


class ToolCallRead(Output):
    """One tool call of a turn."""

    tool: str
    call_id: str
    args: dict[str, Any]
    result: Any
    duration_ms: int
    is_error: bool


class ChatAnswer(Output):
    """A whole answer at once."""

    run_id: str
    conversation_id: UUID
    message: str
    usage: UsageRead
    agents: list[str]
    tools: list[ToolCallRead]


class ConversationChange(Input):
    """A new title."""

    title: Name


class ForkRequest(Input):
    """The last message that the new conversation shares."""

    message_id: UUID


class ConversationQuery(ListQuery[ConversationSort]):
    """Which conversations to list; `search` looks into their titles."""

    instance_id: Perhaps[UUID] = Field(
        default=None, description="Only conversations with this orchestrator."
    )


class ConversationRead(Output):
    """One conversation; `instance_id` is null once its orchestrator is gone.

    `resource_id` is the record that it is about, null for most.
    """

    id: UUID
    title: str
    instance_id: UUID | None
    resource_id: str | None
    message_count: int
    created_at: datetime
    updated_at: datetime


class MessageRead(Output):
    """One side's words; `status` of an answer is how its run ended."""

    id: UUID
    role: Literal["user", "assistant"]
    content: str
    status: str
    error_code: str | None
    run_id: str
    usage: UsageRead | None
    agents: list[str]
    tools: list[dict[str, Any]]
    created_at: datetime
