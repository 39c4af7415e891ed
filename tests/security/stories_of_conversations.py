"""What conversations leave to the other organization."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from cadence.domains.conversations.history import Summary
from cadence.domains.conversations.opening import Asked
from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.schemas import ConversationQuery
from cadence.domains.conversations.transcripts import ConversationGone, NewMessage
from cadence.infra.database.tables import AuditEntry, Conversation
from cadence.kernel.ids import MessageId, RunId, new_ulid, new_uuid
from tests.security.crossed_rows import (
    OUR_MEMBERS_THERE,
    QUIET,
    THEIR_FIRST_WORDS,
    THEIR_KEY,
    THEIR_LAST_WORDS,
    THEIR_RUN,
)
from tests.security.tenant_rows import NOON
from tests.security.tenant_store import OURS, THEIRS
from tests.security.wall_stories import ALL, LATER, Stage, Stories, ids_of

STORIES = Stories()
MEMBER = ConversationOwner(user_id=OURS.member, api_key_id=None)


@STORIES.about("ConversationRepository.find")
async def only_our_conversations_are_found(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)

    assert await conversations.find(THEIRS.conversation) is None
    assert await conversations.find(OUR_MEMBERS_THERE) is None
    assert (await conversations.find(OURS.conversation)).id == OURS.conversation


@STORIES.about("ConversationRepository.page")
async def only_our_conversations_are_listed(stage: Stage) -> None:
    page = await stage.open("ConversationRepository", MEMBER).page(ConversationQuery())

    assert ids_of(page.items) == {OURS.conversation, QUIET}


@STORIES.about("ConversationRepository.save")
async def a_saved_conversation_is_ours(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)
    row = await conversations.find(OURS.conversation)
    row.title = "renamed"
    await conversations.save(row)

    assert (await conversations.find(OURS.conversation)).title == "renamed"


@STORIES.about("ConversationRepository.remove")
async def a_removed_conversation_is_ours(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)
    created = _conversation(changed=NOON)
    await conversations.save(created)
    await conversations.remove(created)

    assert await conversations.find(created.id) is None


@STORIES.about("TranscriptRepository.append")
async def what_is_appended_is_said_in_our_conversation(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")
    await said.append(OURS.conversation, _message())
    for theirs in (THEIRS.conversation, OUR_MEMBERS_THERE):
        with pytest.raises(ConversationGone):
            async with stage.session.begin_nested():
                await said.append(theirs, _message())

    assert len((await said.page(OURS.conversation, ALL)).items) == 3


@STORIES.about("TranscriptRepository.page")
async def only_our_messages_are_listed(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")
    ours = await said.page(OURS.conversation, ALL)
    theirs = await said.page(THEIRS.conversation, ALL)

    assert [each.id for each in ours.items] == [OURS.question, OURS.answer]
    assert list(theirs.items) == []


@STORIES.about("TranscriptRepository.list_newest")
async def only_our_messages_are_the_newest(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")
    ours = await said.list_newest(OURS.conversation, 50)

    assert [each.id for each in ours] == [OURS.question, OURS.answer]
    assert list(await said.list_newest(THEIRS.conversation, 50)) == []


@STORIES.about("TranscriptRepository.recall")
async def only_our_messages_are_remembered(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")
    ours = await said.recall(OURS.conversation, 50)
    theirs = await said.recall(THEIRS.conversation, 50)

    assert [each.position for each in ours.messages] == [0, 1]
    assert ours.summary.text == "a greeting"
    assert (list(theirs.messages), theirs.summary) == ([], None)


@STORIES.about("TranscriptRepository.find_of_run")
async def only_our_part_of_a_run_is_found(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")
    question = (await said.list_newest(OURS.conversation, 50))[0]

    ours = await said.find_of_run(OURS.conversation, question.run_id)

    assert [each.id for each in ours] == [OURS.question]
    assert list(await said.find_of_run(OURS.conversation, THEIR_RUN)) == []


@STORIES.about("TranscriptRepository.find_summary")
async def only_our_summaries_are_found(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")

    assert await said.find_summary(THEIRS.conversation) is None
    assert await said.find_summary(QUIET) is None
    assert (await said.find_summary(OURS.conversation)).text == "a greeting"


@STORIES.about("TranscriptRepository.keep_summary")
async def only_our_summaries_are_replaced(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")
    summary = Summary(up_to=1, text="what we make of it")
    await said.keep_summary(OURS.conversation, summary, now=LATER)
    await said.keep_summary(OUR_MEMBERS_THERE, summary, now=LATER)
    with suppress(IntegrityError):
        async with stage.session.begin_nested():
            await said.keep_summary(QUIET, summary, now=LATER)

    assert (await said.find_summary(OURS.conversation)).text == summary.text
    assert await said.find_summary(OUR_MEMBERS_THERE) is None


@STORIES.about("TranscriptRepository.copy")
async def only_our_messages_are_copied_and_only_to_us(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")

    assert await said.copy(THEIRS.conversation, QUIET, up_to=THEIRS.answer, now=LATER) == 0
    for theirs in (THEIR_FIRST_WORDS, THEIR_LAST_WORDS):
        assert await said.copy(OURS.conversation, QUIET, up_to=theirs, now=LATER) == 0
    with pytest.raises(ConversationGone):
        await said.copy(OURS.conversation, OUR_MEMBERS_THERE, up_to=OURS.answer, now=LATER)
    assert await said.copy(OURS.conversation, QUIET, up_to=OURS.answer, now=LATER) == 2
    assert len(await said.list_newest(QUIET, 50)) == 2


@STORIES.about("TranscriptRepository.list_conversations")
async def only_our_conversations_have_our_messages(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")

    assert await said.list_conversations(after=None, count=50) == [OURS.conversation]


@STORIES.about("TranscriptRepository.remove")
async def only_our_messages_are_removed(stage: Stage) -> None:
    said = stage.open("TranscriptRepository")
    await said.remove([OURS.conversation, THEIRS.conversation, QUIET])

    assert list(await said.list_newest(OURS.conversation, 50)) == []


@STORIES.about("OpeningRepository.find")
async def a_turn_starts_from_what_is_ours(stage: Stage) -> None:
    opening = stage.open("OpeningRepository", MEMBER)
    asked = Asked(orchestrator_id=OURS.orchestrator, conversation_id=OURS.conversation, window=50)
    found = await opening.find(asked, environment={})
    quiet = await opening.find(replace(asked, conversation_id=QUIET), environment={})
    theirs = await opening.find(replace(asked, conversation_id=OUR_MEMBERS_THERE), environment={})

    assert set(found.model_versions) == {OURS.llm_config}
    assert THEIR_KEY not in {**found.tiers.global_rows, **found.tiers.organization_rows}
    assert [each.position for each in found.recalled.messages] == [0, 1]
    assert quiet.recalled.summary is None
    assert theirs.conversation is None
    foreign = replace(asked, orchestrator_id=THEIRS.orchestrator)
    assert await opening.find(foreign, environment={}) is None


@STORIES.about("RetentionRepository.remove_older")
async def only_our_old_conversations_expire(stage: Stage) -> None:
    created = _conversation(changed=NOON - timedelta(days=1))
    stage.session.add(created)
    await stage.session.flush()

    removed = await stage.open("RetentionRepository").remove_older(NOON, count=50)

    assert removed == [created.id]


@STORIES.about("RetentionRepository.list_missing")
async def only_our_conversations_are_there(stage: Stage) -> None:
    rows = stage.open("RetentionRepository")

    missing = await rows.list_missing([OURS.conversation, THEIRS.conversation])

    assert missing == [THEIRS.conversation]


@STORIES.about("RetentionPeriodRepository.was_removed", needs_platform=True)
async def only_the_organization_that_was_asked_for_counts(stage: Stage) -> None:
    gone = new_uuid()
    stage.session.add(
        AuditEntry(
            id=new_uuid(),
            actor_kind="user",
            actor_id=str(OURS.admin),
            actor_name="admin",
            address="127.0.0.1",
            request_id=new_ulid(),
            action="organization.remove",
            object_type="organization",
            object_id=str(gone),
            change={},
            created_at=NOON,
        )
    )
    await stage.session.flush()
    periods = stage.open_platform("RetentionPeriodRepository")

    assert await periods.was_removed(gone)
    assert not await periods.was_removed(OURS.id)


def _conversation(*, changed: datetime) -> Conversation:
    return Conversation(
        id=new_uuid(),
        organization_id=OURS.id,
        user_id=OURS.member,
        title="short",
        created_at=changed,
        updated_at=changed,
    )


def _message() -> NewMessage:
    return NewMessage(
        id=MessageId(new_uuid()),
        run_id=RunId(new_ulid()),
        role="user",
        content="more",
        status="completed",
        error_code=None,
        usage=None,
        agents=[],
        tools=[],
        created_at=NOON,
    )
