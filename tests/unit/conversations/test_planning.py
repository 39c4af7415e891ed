"""What a turn is told when its conversation goes while it is planned."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from cadence.domains.conversations.errors import ConversationNotFound
from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.planning import TurnPlanner
from cadence.domains.conversations.schemas import TurnRequest
from cadence.domains.conversations.transcripts import ConversationGone
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import UserId
from tests.fixtures.run_scene import a_record

BOT = UUID(int=3)
ASKED = TurnRequest(instance_id=BOT, message="Hello", conversation_id=UUID(int=4))


class Reading:
    """Finds a conversation that nobody has spoken in."""

    async def open(self, *_: object) -> tuple[Any, Any]:
        opening = SimpleNamespace(
            conversation=SimpleNamespace(orchestrator_id=BOT, resource_id=None),
            written=SimpleNamespace(orchestrator_id=BOT),
        )
        return opening, SimpleNamespace(config=SimpleNamespace(mode_config=None), build_hash="-")

    async def read(self, *_: object) -> None:
        return None


class Gone:
    """Has no place for a message any more."""

    async def append(self, *_: object) -> None:
        raise ConversationGone


async def test_a_conversation_that_is_deleted_meanwhile_is_not_found() -> None:
    reading: Any = Reading()
    gone: Any = Gone()
    planner = TurnPlanner(
        owner=ConversationOwner(user_id=UserId(UUID(int=2)), api_key_id=None),
        reader=reading,
        conversations=gone,
        transcripts=gone,
        clock=SystemClock(),
    )

    with pytest.raises(ConversationNotFound):
        await planner.plan(ASKED, a_record())
