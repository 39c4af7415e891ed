"""Checks a turn and stores the user's message, in one transaction before anything runs."""

from dataclasses import dataclass

from cadence.domains.conversations.errors import ConversationNotFound, WrongOrchestrator
from cadence.domains.conversations.history import Past, Placed
from cadence.domains.conversations.opening import Asked, Opening, OpeningRepository
from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.repository import ConversationRepository
from cadence.domains.conversations.schemas import TurnRequest
from cadence.domains.conversations.transcripts import (
    ConversationGone,
    NewMessage,
    Recalled,
    Transcripts,
)
from cadence.domains.orchestrators.errors import OrchestratorNotFound
from cadence.domains.orchestrators.launching import Launch
from cadence.domains.orchestrators.schemas import ModeConfig
from cadence.domains.settings.tiers import Environment
from cadence.engine.contract import PastMessage
from cadence.infra.database.tables import Conversation
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import MessageId, new_uuid
from cadence.pool.windows import MessageWindows
from cadence.runs.record import RunRecord

TITLE_CHARACTERS = 80
NOTHING = Recalled(messages=(), summary=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTurn:
    """A turn whose user message is stored; `resource_id` is the record that it is about."""

    record: RunRecord
    build_hash: str
    message: str
    past: Past
    resource_id: str | None = None


class PastReader:
    """Reads what turns start from, in one statement where messages lie beside the rest.

    `windows` tells how many of them to read before the orchestrator's own word is known.
    """

    def __init__(
        self,
        *,
        openings: OpeningRepository,
        transcripts: Transcripts,
        is_relational: bool,
        windows: MessageWindows,
        environment: Environment,
    ) -> None:
        self._openings = openings
        self._transcripts = transcripts
        self._is_relational = is_relational
        self._windows = windows
        self._environment = environment

    async def open(self, asked: TurnRequest, record: RunRecord) -> tuple[Opening, Launch]:
        """Return what the turn starts from, and how; raises `NotFound`, `OrchestratorDisabled`."""
        expected = self._windows.expect(record.orchestrator_id)
        opening = await self._openings.find(
            Asked(
                orchestrator_id=record.orchestrator_id,
                conversation_id=None if asked.conversation_id is None else record.conversation_id,
                window=expected if self._is_relational else None,
            ),
            environment=self._environment,
        )
        if opening is None:
            raise OrchestratorNotFound
        launch = opening.written.under(opening.tiers).launch(opening.model_versions)
        self._windows.note(record.orchestrator_id, launch.config.mode_config.message_window)
        return opening, launch

    async def read(self, opening: Opening, record: RunRecord, config: ModeConfig) -> Past:
        """Return what the turn may remember; asks again only when too little was read."""
        window, found = config.message_window, opening.recalled
        if opening.conversation is None:
            found = NOTHING
        elif found is None or len(found.messages) < min(window, opening.conversation.message_count):
            found = await self._transcripts.recall(record.conversation_id, window)
        return Past(
            messages=[
                Placed(
                    position=said.position,
                    message=PastMessage(role=said.role, content=said.content),
                )
                for said in found.messages[max(0, len(found.messages) - window) :]
                if said.content
            ],
            summary=found.summary,
            compaction=config.compaction,
            context_tokens=config.context_tokens,
        )


class TurnPlanner:
    """Plans the turns of one user in one organization."""

    def __init__(
        self,
        *,
        owner: ConversationOwner,
        reader: PastReader,
        conversations: ConversationRepository,
        transcripts: Transcripts,
        clock: Clock,
    ) -> None:
        self._owner = owner
        self._reader = reader
        self._conversations = conversations
        self._transcripts = transcripts
        self._clock = clock

    async def plan(self, asked: TurnRequest, record: RunRecord) -> PlannedTurn:
        """Check the turn and store its message.

        Raises `NotFound`, `OrchestratorDisabled`, `WrongOrchestrator`, or `InvalidInput` for
        another record than the conversation's.
        """
        opening, launch = await self._reader.open(asked, record)
        if asked.conversation_id is None:
            resource_id = asked.resource_id
            await self._begin(asked, record)
        else:
            resource_id = _require_same(opening, asked)
        past = await self._reader.read(opening, record, launch.config.mode_config)
        try:
            await self._transcripts.append(record.conversation_id, self._message(asked, record))
        except ConversationGone:  # deleted since it was read
            raise ConversationNotFound from None
        return PlannedTurn(
            record=record,
            build_hash=launch.build_hash,
            message=asked.message,
            past=past,
            resource_id=resource_id,
        )

    async def _begin(self, asked: TurnRequest, record: RunRecord) -> None:
        now = self._clock.now()
        conversation = Conversation(
            id=record.conversation_id,
            organization_id=record.organization_id,
            user_id=self._owner.user_id,
            api_key_id=self._owner.api_key_id,
            orchestrator_id=record.orchestrator_id,
            resource_id=asked.resource_id,
            title=" ".join(asked.message.split())[:TITLE_CHARACTERS] or "Conversation",
            message_count=0,
            created_at=now,
            updated_at=now,
        )
        await self._conversations.save(conversation)

    def _message(self, asked: TurnRequest, record: RunRecord) -> NewMessage:
        return NewMessage(
            id=MessageId(new_uuid()),
            run_id=record.run_id,
            role="user",
            content=asked.message,
            status="completed",
            error_code=None,
            usage=None,
            agents=(),
            tools=(),
            created_at=self._clock.now(),
        )


def _require_same(opening: Opening, asked: TurnRequest) -> str | None:
    """Return the record that the conversation is about."""
    found = opening.conversation
    if found is None:
        raise ConversationNotFound
    if found.orchestrator_id != opening.written.orchestrator_id:
        raise WrongOrchestrator
    if asked.resource_id not in {None, found.resource_id}:
        # What was said about one record must not be read as if it were about another.
        raise InvalidInput.of(FieldProblem("resource_id", "must be the conversation's own"))
    return found.resource_id
