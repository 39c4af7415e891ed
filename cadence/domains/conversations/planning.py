"""Checks a turn and stores the user's message, in one transaction before anything runs."""

from typing import Literal

from cadence.domains.conversations.driving import PlannedTurn
from cadence.domains.conversations.errors import ConversationNotFound, WrongOrchestrator
from cadence.domains.conversations.history import Past, Placed
from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.repository import ConversationRepository
from cadence.domains.conversations.schemas import TurnRequest
from cadence.domains.conversations.turn_lock import TakenConversation
from cadence.domains.orchestrators.schemas import ModeConfig
from cadence.domains.orchestrators.service import Launch, OrchestratorService
from cadence.engine.contract import PastMessage
from cadence.infra.database.tables import Conversation, Message
from cadence.kernel.clock import Clock
from cadence.kernel.ids import (
    ConversationId,
    OrchestratorId,
    OrganizationId,
    RunId,
    new_uuid,
)

TITLE_CHARACTERS = 80


class TurnPlanner:
    """Plans the turns of one user in one organization."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        owner: ConversationOwner,
        conversations: ConversationRepository,
        orchestrators: OrchestratorService,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._owner = owner
        self._conversations = conversations
        self._orchestrators = orchestrators
        self._clock = clock

    async def plan(
        self, asked: TurnRequest, taken: TakenConversation, *, request_id: str
    ) -> PlannedTurn:
        """Check the turn and store its message.

        Raises `NotFound`, `OrchestratorDisabled` or `WrongOrchestrator`.
        """
        launch = await self._orchestrators.get_launch(OrchestratorId(asked.instance_id))
        conversation = await self._conversation(asked, launch, taken.conversation_id)
        past = await self._past(taken.conversation_id, launch.config.mode_config)
        await self._conversations.append(
            conversation, self._message(asked, conversation, taken.run_id)
        )
        return PlannedTurn(
            run_id=taken.run_id,
            request_id=request_id,
            organization_id=self._organization_id,
            owner=self._owner,
            conversation_id=taken.conversation_id,
            orchestrator_id=launch.orchestrator_id,
            build_hash=launch.build_hash,
            message=asked.message,
            past=past,
        )

    async def _conversation(
        self, asked: TurnRequest, launch: Launch, conversation_id: ConversationId
    ) -> Conversation:
        if asked.conversation_id is None:
            return await self._begin(asked, launch, conversation_id)
        found = await self._conversations.find(conversation_id)
        if found is None:
            raise ConversationNotFound
        if found.orchestrator_id != launch.orchestrator_id:
            raise WrongOrchestrator
        return found

    async def _begin(
        self, asked: TurnRequest, launch: Launch, conversation_id: ConversationId
    ) -> Conversation:
        now = self._clock.now()
        conversation = Conversation(
            id=conversation_id,
            organization_id=self._organization_id,
            user_id=self._owner.user_id,
            api_key_id=self._owner.api_key_id,
            orchestrator_id=launch.orchestrator_id,
            title=" ".join(asked.message.split())[:TITLE_CHARACTERS] or "Conversation",
            message_count=0,
            created_at=now,
            updated_at=now,
        )
        await self._conversations.save(conversation)
        return conversation

    async def _past(self, conversation_id: ConversationId, config: ModeConfig) -> Past:
        rows = await self._conversations.list_newest(conversation_id, config.message_window)
        return Past(
            messages=[
                Placed(
                    position=row.position,
                    message=PastMessage(role=_role(row), content=row.content),
                )
                for row in rows
                if row.content
            ],
            summary=await self._conversations.find_summary(conversation_id),
            compaction=config.compaction,
            context_tokens=config.context_tokens,
        )

    def _message(self, asked: TurnRequest, conversation: Conversation, run_id: RunId) -> Message:
        return Message(
            id=new_uuid(),
            organization_id=self._organization_id,
            conversation_id=conversation.id,
            run_id=run_id,
            role="user",
            content=asked.message,
            status="completed",
            error_code=None,
            usage=None,
            agents=[],
            tools=[],
            created_at=self._clock.now(),
        )


def _role(message: Message) -> Literal["user", "assistant"]:
    return "user" if message.role == "user" else "assistant"
