"""What conversations leave to the other organization."""

from contextlib import suppress

from sqlalchemy.exc import IntegrityError

from cadence.domains.conversations.history import Summary
from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.schemas import ConversationQuery
from cadence.infra.database.tables import Conversation
from cadence.kernel.ids import new_uuid
from tests.security.crossed_rows import (
    OUR_MEMBERS_THERE,
    QUIET,
    THEIR_FIRST_WORDS,
    THEIR_LAST_WORDS,
)
from tests.security.tenant_rows import NOON, message
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
    created = Conversation(
        id=new_uuid(),
        organization_id=OURS.id,
        user_id=OURS.member,
        title="short",
        created_at=NOON,
        updated_at=NOON,
    )
    await conversations.save(created)
    await conversations.remove(created)

    assert await conversations.find(created.id) is None


@STORIES.about("ConversationRepository.append")
async def what_is_appended_is_said_in_our_conversation(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)
    row = await conversations.find(OURS.conversation)
    await conversations.append(row, message(new_uuid(), OURS, 9))  # type: ignore[arg-type]

    page = await conversations.page_messages(OURS.conversation, ALL)
    assert [each.position for each in page.items] == [0, 1, 2]


@STORIES.about("ConversationRepository.page_messages")
async def only_our_messages_are_listed(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)
    ours = await conversations.page_messages(OURS.conversation, ALL)
    theirs = await conversations.page_messages(THEIRS.conversation, ALL)

    assert [each.id for each in ours.items] == [OURS.question, OURS.answer]
    assert list(theirs.items) == []


@STORIES.about("ConversationRepository.list_up_to")
async def only_our_messages_are_shared(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)
    ours = await conversations.list_up_to(OURS.conversation, OURS.answer)

    assert [each.id for each in ours] == [OURS.question, OURS.answer]
    assert await conversations.list_up_to(THEIRS.conversation, THEIRS.answer) == []
    for theirs in (THEIR_FIRST_WORDS, THEIR_LAST_WORDS):
        assert await conversations.list_up_to(OURS.conversation, theirs) == []


@STORIES.about("ConversationRepository.list_newest")
async def only_our_messages_are_remembered(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)
    ours = await conversations.list_newest(OURS.conversation, 50)

    assert [each.id for each in ours] == [OURS.question, OURS.answer]
    assert await conversations.list_newest(THEIRS.conversation, 50) == []


@STORIES.about("ConversationRepository.find_summary")
async def only_our_summaries_are_found(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)

    assert await conversations.find_summary(THEIRS.conversation) is None
    assert await conversations.find_summary(QUIET) is None
    assert (await conversations.find_summary(OURS.conversation)).text == "a greeting"


@STORIES.about("ConversationRepository.keep_summary")
async def only_our_summaries_are_replaced(stage: Stage) -> None:
    conversations = stage.open("ConversationRepository", MEMBER)
    summary = Summary(up_to=1, text="what we make of it")
    await conversations.keep_summary(OURS.conversation, summary, now=LATER)
    await conversations.keep_summary(OUR_MEMBERS_THERE, summary, now=LATER)
    await conversations.keep_summary(THEIRS.conversation, summary, now=LATER)
    with suppress(IntegrityError):
        async with stage.session.begin_nested():
            await conversations.keep_summary(QUIET, summary, now=LATER)

    assert (await conversations.find_summary(OURS.conversation)).text == summary.text
