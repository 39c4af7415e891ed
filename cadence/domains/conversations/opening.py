"""Reads all that a turn needs to start in one statement, whatever tables it lies in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, and_, literal, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.config.resolving import Said
from cadence.domains.conversations.history import Summary
from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.transcripts import Recalled, RecalledMessage
from cadence.domains.orchestrators.launching import Written
from cadence.domains.settings.tiers import Environment, Tiers
from cadence.infra.database.rows_as_json import rows_as_json
from cadence.infra.database.tables import (
    Conversation,
    ConversationSummary,
    LlmConfig,
    Message,
    Orchestrator,
    Setting,
)
from cadence.kernel.ids import ConversationId, OrchestratorId, OrganizationId


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConversation:
    """A conversation that a turn goes on with."""

    orchestrator_id: UUID | None
    resource_id: str | None
    message_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a turn starts from; no `conversation` when the owner has none by that id.

    `recalled` is None when messages are kept elsewhere.
    """

    written: Written
    tiers: Tiers
    model_versions: Mapping[int, int]
    conversation: OpenConversation | None
    recalled: Recalled | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a turn asks for; `window` is how many messages to read, None when they are elsewhere."""

    orchestrator_id: OrchestratorId
    conversation_id: ConversationId | None
    window: int | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """The parts of the statement, each narrowed to one organization."""

    organization_id: OrganizationId
    owner: ConversationOwner
    asked: Asked

    @property
    def conversation(self) -> ColumnElement[bool]:
        owner = self.owner
        return and_(
            Conversation.organization_id == self.organization_id,
            Conversation.user_id == owner.user_id
            if owner.user_id is not None
            else Conversation.api_key_id == owner.api_key_id,
            # Nobody's id is NULL, so a turn without a conversation finds none.
            Conversation.id == self.asked.conversation_id
            if self.asked.conversation_id is not None
            else literal(value=False),
        )

    def said(self, owner: ColumnElement[bool]) -> ScalarSelect[Any]:
        rows = select(rows_as_json(Setting.key, Setting.value, Setting.overridable))
        return rows.where(owner).scalar_subquery()

    def model_versions(self) -> ScalarSelect[Any]:
        rows = select(rows_as_json(LlmConfig.id, LlmConfig.version))
        return rows.where(LlmConfig.organization_id == self.organization_id).scalar_subquery()

    def messages(self, window: int) -> ScalarSelect[Any]:
        # Positions count from 0 without gaps, so the newest are found without sorting any.
        return (
            select(rows_as_json(Message.position, Message.role, Message.content))
            .where(
                Message.organization_id == self.organization_id,
                Message.conversation_id == Conversation.id,
                Message.position >= Conversation.message_count - window,
            )
            .correlate(Conversation)
            .scalar_subquery()
        )

    def summary(self) -> ScalarSelect[Any]:
        return (
            select(rows_as_json(ConversationSummary.up_to_position, ConversationSummary.content))
            .where(
                ConversationSummary.organization_id == self.organization_id,
                ConversationSummary.conversation_id == Conversation.id,
            )
            .correlate(Conversation)
            .scalar_subquery()
        )


class OpeningRepository:
    """Reads what turns start from; every part of it starts from the organization's own rows.

    Other domains' tables are read here and not by their services, since each would ask on its own.
    """

    def __init__(
        self, session: AsyncSession, organization_id: OrganizationId, owner: ConversationOwner
    ) -> None:
        self._session = session
        self._organization_id = organization_id
        self._owner = owner

    async def find(self, asked: Asked, *, environment: Environment) -> Opening | None:
        """Return what the turn starts from, None when there is no such orchestrator."""
        parts = _Reading(self._organization_id, self._owner, asked)
        window = asked.window
        query = (
            select(
                Orchestrator.mode,
                Orchestrator.status,
                Orchestrator.config,
                Orchestrator.config_hash,
                Conversation.id.label("conversation_id"),
                Conversation.orchestrator_id.label("spoken_to"),
                Conversation.resource_id,
                Conversation.message_count,
                parts.said(Setting.organization_id.is_(None)).label("global_rows"),
                parts.said(Setting.organization_id == self._organization_id).label("own_rows"),
                parts.model_versions().label("model_versions"),
                (null() if window is None else parts.messages(window)).label("messages"),
                (null() if window is None else parts.summary()).label("summary"),
            )
            .outerjoin(Conversation, parts.conversation)
            .where(
                Orchestrator.organization_id == self._organization_id,
                Orchestrator.id == asked.orchestrator_id,
            )
        )
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _read(row, asked, environment)


def _read(row: Any, asked: Asked, environment: Environment) -> Opening:
    return Opening(
        written=Written(
            orchestrator_id=asked.orchestrator_id,
            mode=row.mode,
            status=row.status,
            config=row.config,
            config_hash=row.config_hash,
        ),
        tiers=Tiers(
            environment=environment,
            global_rows=_said(row.global_rows),
            organization_rows=_said(row.own_rows),
        ),
        model_versions=dict(row.model_versions or ()),
        conversation=None
        if row.conversation_id is None
        else OpenConversation(
            orchestrator_id=row.spoken_to,
            resource_id=row.resource_id,
            message_count=row.message_count,
        ),
        recalled=None if asked.window is None else _recalled(row),
    )


def _said(rows: list[tuple[str, Any, bool | None]] | None) -> Mapping[str, Said]:
    return {
        key: Said(value=value, overridable=None if overridable is None else bool(overridable))
        for key, value, overridable in rows or ()
    }


def _recalled(row: Any) -> Recalled:
    messages = [
        RecalledMessage(position=position, role=_side(role), content=content)
        for position, role, content in sorted(row.messages or ())
    ]
    summary = next((Summary(up_to=up_to, text=text) for up_to, text in row.summary or ()), None)
    return Recalled(messages=messages, summary=summary)


def _side(role: str) -> Literal["user", "assistant"]:
    return "user" if role == "user" else "assistant"
