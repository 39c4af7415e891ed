"""The one statement that a turn starts with stays between both walls: T3."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from cadence.domains.conversations.opening import Asked, Opening, OpeningRepository
from cadence.domains.conversations.owner import ConversationOwner
from cadence.infra.database.reach import NOWHERE, PLATFORM, Reach, within
from cadence.infra.database.tables import Conversation, LlmConfig, Message
from cadence.infra.database.transaction import Sessions
from tests.security.tenant_rows import Tenant
from tests.security.tenant_store import OURS, THEIRS, undone

HOME = within(OURS.id)
ASKED = Asked(orchestrator_id=OURS.orchestrator, conversation_id=OURS.conversation, window=50)


async def _open(
    sessions: Sessions, reach: Reach, asked: Asked, *, tenant: Tenant = OURS
) -> Opening | None:
    owner = ConversationOwner(user_id=tenant.member, api_key_id=None)
    async with undone(sessions, reach) as session:
        return await OpeningRepository(session, tenant.id, owner).find(asked, environment={})
    raise AssertionError("the block above always returns")


async def test_it_reads_what_is_ours(sessions: Sessions) -> None:
    found = await _open(sessions, HOME, ASKED)

    assert found is not None
    assert found.conversation is not None
    assert found.recalled is not None
    async with undone(sessions, HOME) as session:
        told = await session.scalars(select(Message).order_by(Message.position))
        rows = [(row.position, row.role, row.content) for row in told]
        count = (await session.get_one(Conversation, OURS.conversation)).message_count
        version = (await session.get_one(LlmConfig, OURS.llm_config)).version
    assert [(m.position, m.role, m.content) for m in found.recalled.messages] == rows
    assert found.conversation.message_count == count
    assert found.model_versions == {OURS.llm_config: version}
    assert found.recalled.summary is not None
    assert found.tiers.organization_rows
    assert found.tiers.global_rows


@pytest.mark.parametrize("reach", [HOME, NOWHERE], ids=["ours", "nowhere"])
async def test_another_organizations_turn_cannot_be_opened(
    sessions: Sessions, reach: Reach
) -> None:
    theirs = Asked(
        orchestrator_id=THEIRS.orchestrator, conversation_id=THEIRS.conversation, window=50
    )

    assert await _open(sessions, reach, theirs, tenant=THEIRS) is None
    assert await _open(sessions, reach, theirs) is None


@pytest.mark.parametrize("reach", [HOME, PLATFORM], ids=["ours", "everybody's"])
async def test_a_foreign_conversation_is_none_and_nothing_of_it_is_read(
    sessions: Sessions, reach: Reach
) -> None:
    asked = replace(ASKED, conversation_id=THEIRS.conversation)
    found = await _open(sessions, reach, asked)

    assert found is not None
    assert found.conversation is None
    assert found.recalled is not None
    assert not found.recalled.messages
    assert found.recalled.summary is None


async def test_without_the_second_wall_the_first_one_holds(sessions: Sessions) -> None:
    found = await _open(sessions, PLATFORM, ASKED)

    assert found == await _open(sessions, HOME, ASKED)
