"""What every store of transcripts promises; the same for tables and for documents."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete

from cadence.domains.conversations.history import Summary
from cadence.domains.conversations.transcripts import (
    AlreadySaid,
    ConversationGone,
    Side,
    StoredMessage,
)
from cadence.infra.database.tables import Conversation
from cadence.kernel.errors import InvalidInput
from cadence.kernel.ids import ConversationId, MessageId, RunId, new_ulid, new_uuid
from cadence.kernel.paging import PageRequest, decode_cursor
from tests.fixtures.transcripts import NOON, TranscriptScene, said

LATER = NOON + timedelta(days=1)
SIDES: tuple[Side, ...] = ("user", "assistant")


async def test_what_is_appended_is_found_as_it_was(transcript_scene: TranscriptScene) -> None:
    scene = transcript_scene
    identity, run = await scene.begin(), RunId(new_ulid())
    question = said("What is 2 + 2?\n日本語 👋", run=run, at=NOON)
    answer = said(
        "4",
        role="assistant",
        run=run,
        at=NOON + timedelta(milliseconds=1234),
        status="failed",
        error_code="model_timeout",
        usage={"input_tokens": 7, "output_tokens": 1, "llm_calls": 2},
        agents=["lead", "helper"],
        tools=[{"tool": "add", "call_id": "1", "is_error": False}],
    )
    for message in (question, answer):
        async with scene.open() as transcripts:
            await transcripts.append(identity, message)

    async with scene.open() as transcripts:
        found = await transcripts.list_newest(identity, 10)

    fields = [name for name in StoredMessage.__dataclass_fields__ if name != "position"]
    for message, stored in zip((question, answer), found, strict=True):
        assert [getattr(stored, name) for name in fields] == [
            getattr(message, name) for name in fields
        ]
    assert [each.position for each in found] == [0, 1]


async def test_messages_are_counted_in_the_conversations_row(
    transcript_scene: TranscriptScene,
) -> None:
    identity = await transcript_scene.begin("one", "two", "three", at=NOON)

    row = await transcript_scene.row(identity)

    assert row is not None
    assert row.message_count == 3
    assert row.updated_at == NOON + timedelta(seconds=2)


async def test_each_side_speaks_once_in_a_run(transcript_scene: TranscriptScene) -> None:
    scene, run = transcript_scene, RunId(new_ulid())
    identity = await scene.begin("before")
    for role in SIDES:
        async with scene.open() as transcripts:
            await transcripts.append(identity, said(role, role=role, run=run))

    for role in SIDES:
        with pytest.raises(AlreadySaid):
            async with scene.open() as transcripts:
                await transcripts.append(identity, said("again", role=role, run=run))

    row = await scene.row(identity)
    assert row is not None
    assert row.message_count == 3
    assert await scene.contents(identity) == ["before", "user", "assistant"]


async def test_of_two_who_answer_the_same_run_at_once_one_is_heard(
    transcript_scene: TranscriptScene,
) -> None:
    scene, run = transcript_scene, RunId(new_ulid())
    identity = await scene.begin("question")

    async def answer(content: str) -> None:
        async with scene.open() as transcripts:
            await transcripts.append(identity, said(content, role="assistant", run=run))

    ended = await asyncio.gather(*(answer(str(n)) for n in range(4)), return_exceptions=True)

    assert [type(each) for each in ended if each is not None] == [AlreadySaid] * 3
    assert len(await scene.contents(identity)) == 2


async def test_those_who_speak_at_once_get_places_of_their_own(
    transcript_scene: TranscriptScene,
) -> None:
    scene = transcript_scene
    identity = await scene.begin()

    async def speak(content: str) -> None:
        async with scene.open() as transcripts:
            await transcripts.append(identity, said(content))

    await asyncio.gather(*(speak(str(number)) for number in range(5)))

    async with scene.open() as transcripts:
        found = await transcripts.list_newest(identity, 10)
    assert [each.position for each in found] == [0, 1, 2, 3, 4]
    assert {each.content for each in found} == set("01234")


async def test_nothing_is_said_in_a_conversation_that_is_gone(
    transcript_scene: TranscriptScene,
) -> None:
    scene, gone = transcript_scene, ConversationId(new_uuid())

    with pytest.raises(ConversationGone):
        async with scene.open() as transcripts:
            await transcripts.append(gone, said())

    async with scene.open() as transcripts:
        await transcripts.keep_summary(gone, Summary(up_to=0, text="text"), now=NOON)
        assert await transcripts.find_summary(gone) is None
        assert await transcripts.list_newest(gone, 10) == []


async def test_the_newest_are_listed_oldest_first(transcript_scene: TranscriptScene) -> None:
    identity = await transcript_scene.begin("a", "b", "c", "d")

    async with transcript_scene.open() as transcripts:
        newest = await transcripts.list_newest(identity, 2)
        none = await transcripts.list_newest(identity, 0)

    assert [(each.position, each.content) for each in newest] == [(2, "c"), (3, "d")]
    assert list(none) == []


async def test_a_turn_recalls_messages_and_the_summary(transcript_scene: TranscriptScene) -> None:
    scene = transcript_scene
    identity = await scene.begin("a", "b", "c")
    async with scene.open() as transcripts:
        before = await transcripts.recall(identity, 50)
    for text in ("short", "shorter"):
        async with scene.open() as transcripts:
            await transcripts.keep_summary(identity, Summary(up_to=1, text=text), now=LATER)

    async with scene.open() as transcripts:
        recalled = await transcripts.recall(identity, 2)

    assert before.summary is None
    assert [(each.position, each.role, each.content) for each in recalled.messages] == [
        (1, "assistant", "b"),
        (2, "user", "c"),
    ]
    assert recalled.summary == Summary(up_to=1, text="shorter")


async def test_pages_walk_through_everything_once(transcript_scene: TranscriptScene) -> None:
    words = [str(number) for number in range(7)]
    identity = await transcript_scene.begin(*words)
    walked: list[str] = []
    after: str | None = None

    async with transcript_scene.open() as transcripts:
        for _ in range(4):
            page = await transcripts.page(identity, PageRequest(limit=2, after=after))
            walked += [each.content for each in page.items]
            after = None if page.next is None else decode_cursor(page.next)

    assert walked == words
    assert after is None


async def test_a_cursor_of_another_list_is_refused(transcript_scene: TranscriptScene) -> None:
    identity = await transcript_scene.begin("a")

    async with transcript_scene.open() as transcripts:
        with pytest.raises(InvalidInput):
            await transcripts.page(identity, PageRequest(limit=2, after='{"$ne": 1}'))


async def test_what_was_said_in_one_run_is_found(transcript_scene: TranscriptScene) -> None:
    scene, run = transcript_scene, RunId(new_ulid())
    identity = await scene.begin("before", "that")
    for role in SIDES:
        async with scene.open() as transcripts:
            await transcripts.append(identity, said(role, role=role, run=run))

    async with scene.open() as transcripts:
        found = await transcripts.find_of_run(identity, run)
        unknown = await transcripts.find_of_run(identity, RunId(new_ulid()))

    assert [(each.role, each.position) for each in found] == [("user", 2), ("assistant", 3)]
    assert list(unknown) == []


async def test_a_copy_lives_on_its_own(transcript_scene: TranscriptScene) -> None:
    scene = transcript_scene
    source, target = await scene.begin("a", "b", "c", at=NOON), await scene.begin()
    async with scene.open() as transcripts:
        originals = await transcripts.list_newest(source, 10)
        copied = await transcripts.copy(source, target, up_to=originals[1].id, now=LATER)
    async with scene.open() as transcripts:
        await transcripts.append(source, said("only here"))

    async with scene.open() as transcripts:
        copies = await transcripts.list_newest(target, 10)

    assert copied == 2
    assert [each.content for each in copies] == ["a", "b"]
    for copy, original in zip(copies, originals, strict=False):
        assert copy.id != original.id
        assert (copy.run_id, copy.created_at, copy.position) == (
            original.run_id,
            original.created_at,
            original.position,
        )


async def test_a_copy_is_counted_and_new(transcript_scene: TranscriptScene) -> None:
    scene = transcript_scene
    source, target = await scene.begin("a", "b", at=NOON), await scene.begin(at=NOON)

    async with scene.open_both() as (session, transcripts):
        held = await session.get(Conversation, target)
        newest = (await transcripts.list_newest(source, 1))[0]
        await transcripts.copy(source, target, up_to=newest.id, now=LATER)

    row = await scene.row(target)
    for each in (held, row):
        assert each is not None
        assert (each.message_count, each.updated_at) == (2, LATER)


async def test_nothing_is_copied_up_to_a_message_that_is_not_there(
    transcript_scene: TranscriptScene,
) -> None:
    scene = transcript_scene
    source, other, target = await scene.begin("a"), await scene.begin("x"), await scene.begin()

    async with scene.open() as transcripts:
        elsewhere = (await transcripts.list_newest(other, 1))[0]
        for up_to in (elsewhere.id, MessageId(new_uuid())):
            assert await transcripts.copy(source, target, up_to=up_to, now=LATER) == 0

    assert await scene.contents(target) == []


async def test_nothing_is_copied_into_a_conversation_that_is_gone(
    transcript_scene: TranscriptScene,
) -> None:
    scene = transcript_scene
    source, gone = await scene.begin("a"), ConversationId(new_uuid())

    async with scene.open() as transcripts:
        newest = (await transcripts.list_newest(source, 1))[0]
        with pytest.raises(ConversationGone):
            await transcripts.copy(source, gone, up_to=newest.id, now=LATER)


async def test_what_is_removed_is_gone_and_the_rest_stays(
    transcript_scene: TranscriptScene,
) -> None:
    scene = transcript_scene
    gone, kept = await scene.begin("a", "b"), await scene.begin("c")
    async with scene.open() as transcripts:
        for each in (gone, kept):
            await transcripts.keep_summary(each, Summary(up_to=0, text="text"), now=NOON)

    async with scene.open_both() as (session, transcripts):
        await session.execute(delete(Conversation).where(Conversation.id == gone))
        await transcripts.remove([gone])

    async with scene.open() as transcripts:
        assert await transcripts.list_newest(gone, 10) == []
        assert await transcripts.find_summary(gone) is None
        assert await transcripts.find_summary(kept) is not None
        assert await transcripts.list_conversations(after=None, count=10) == [kept]
    assert await scene.contents(kept) == ["c"]


async def test_conversations_are_listed_by_their_ids(transcript_scene: TranscriptScene) -> None:
    made = sorted([await transcript_scene.begin("a", "b") for _ in range(5)])
    await transcript_scene.begin()

    async with transcript_scene.open() as transcripts:
        first = await transcripts.list_conversations(after=None, count=3)
        rest = await transcripts.list_conversations(after=first[-1], count=3)

    assert [*first, *rest] == made


async def test_another_organizations_transcripts_are_out_of_reach(
    transcript_scene: TranscriptScene,
) -> None:
    theirs = transcript_scene
    ours = await theirs.another()
    identity = await theirs.begin("theirs", "too")
    async with theirs.open() as transcripts:
        await transcripts.keep_summary(identity, Summary(up_to=0, text="text"), now=NOON)
        newest = (await transcripts.list_newest(identity, 1))[0]
    target = await ours.begin()

    async with ours.open() as transcripts:
        assert await transcripts.list_newest(identity, 10) == []
        assert (await transcripts.recall(identity, 10)).summary is None
        assert (await transcripts.page(identity, PageRequest())).items == []
        assert list(await transcripts.find_of_run(identity, newest.run_id)) == []
        assert await transcripts.copy(identity, target, up_to=newest.id, now=LATER) == 0
        await transcripts.keep_summary(identity, Summary(up_to=1, text="ours"), now=NOON)
        await transcripts.remove([identity])
    with pytest.raises(ConversationGone):
        async with ours.open() as transcripts:
            await transcripts.append(identity, said("ours"))

    row = await theirs.row(identity)
    assert row is not None
    assert row.message_count == 2
    assert await theirs.contents(identity) == ["theirs", "too"]
    async with theirs.open() as transcripts:
        assert await transcripts.find_summary(identity) == Summary(up_to=0, text="text")


async def test_an_organization_that_is_removed_leaves_nothing(
    transcript_scene: TranscriptScene,
) -> None:
    scene = transcript_scene
    other = await scene.another()
    await scene.begin("a")
    kept = await other.begin("b")
    apart = await scene.store.list_organizations()

    await scene.store.remove_organization(scene.organization_id)
    await scene.store.remove_organization(scene.organization_id)

    assert (scene.organization_id in apart) is not scene.store.is_relational
    assert scene.organization_id not in await scene.store.list_organizations()
    assert await other.contents(kept) == ["b"]
