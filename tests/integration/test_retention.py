"""How long conversations are kept, on every store, and what other deletions have left behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, select

from cadence.config.declaring import Value
from cadence.domains.conversations import retention
from cadence.domains.conversations.history import Summary
from cadence.domains.conversations.retention import TICKET, Retention
from cadence.domains.conversations.retention_periods import KEY
from cadence.infra.database.auditing import UNTOLD, leave_untold
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import Conversation, Organization, Setting, User
from cadence.infra.database.transaction import transaction
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import OrganizationId, new_uuid
from tests.fixtures.transcripts import DOCUMENTS, NOON, TranscriptScene, said

DAY = timedelta(days=1)


@dataclass
class HeldClock:
    """A clock that tests move by hand."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


def _retention(
    scene: TranscriptScene,
    redis: Redis,
    *,
    at: datetime,
    environment: Mapping[str, Value | None] | None = None,
) -> Retention:
    return Retention(
        sessions=scene.sessions,
        store=scene.store,
        redis=redis,
        clock=HeldClock(at),
        environment=environment or {},
    )


async def _set(scene: TranscriptScene, owner: OrganizationId | None, **said_by_it: Any) -> None:
    async with transaction(scene.sessions, PLATFORM) as session:
        leave_untold(session)
        row = Setting(id=new_uuid(), organization_id=owner, key=KEY, updated_at=NOON, **said_by_it)
        session.add(row)


async def test_what_is_older_than_the_organization_keeps_it_is_deleted(
    transcript_scene: TranscriptScene, redis: Redis
) -> None:
    scene = transcript_scene
    await _set(scene, scene.organization_id, value=30)
    old = await scene.begin("old", "too", at=NOON)
    async with scene.open() as transcripts:
        await transcripts.keep_summary(old, Summary(up_to=0, text="text"), now=NOON)
    young = await scene.begin("young", at=NOON + 2 * DAY)
    revived = await scene.begin("old", at=NOON)
    async with scene.open() as transcripts:
        await transcripts.append(revived, said("new words", role="assistant", at=NOON + 2 * DAY))

    await _retention(scene, redis, at=NOON + 31 * DAY).apply()

    assert await scene.row(old) is None
    assert await scene.contents(old) == []
    async with scene.open() as transcripts:
        assert await transcripts.find_summary(old) is None
    assert await scene.contents(young) == ["young"]
    assert await scene.contents(revived) == ["old", "new words"]
    assert await scene.row(revived) is not None


async def test_nothing_is_deleted_where_nobody_says_how_long(
    transcript_scene: TranscriptScene, redis: Redis
) -> None:
    scene = transcript_scene
    other = await scene.another()
    await _set(scene, other.organization_id, value=1)
    kept = await scene.begin("a", at=NOON)

    await _retention(scene, redis, at=NOON + 36_000 * DAY).apply()

    assert await scene.contents(kept) == ["a"]


@pytest.mark.parametrize(
    ("environment", "everywhere", "here", "kept_days"),
    [
        pytest.param(10, None, None, 10, id="the environment"),
        pytest.param(10, {"value": 20}, None, 20, id="the global tier over it"),
        pytest.param(10, {"value": 20}, {"value": 5}, 5, id="the organization over both"),
        pytest.param(
            10, {"value": 20, "overridable": False}, {"value": 5}, 20, id="unless it may not"
        ),
    ],
)
async def test_the_period_is_what_holds_of_four_tiers(
    transcript_scene: TranscriptScene,
    redis: Redis,
    *,
    environment: int,
    everywhere: dict[str, Any] | None,
    here: dict[str, Any] | None,
    kept_days: int,
) -> None:
    scene = transcript_scene
    for owner, told in ((None, everywhere), (scene.organization_id, here)):
        if told is not None:
            await _set(scene, owner, **told)
    older = await scene.begin("a", at=NOON - timedelta(hours=1))
    younger = await scene.begin("b", at=NOON + timedelta(hours=1))

    job = _retention(scene, redis, at=NOON + kept_days * DAY, environment={KEY: environment})
    await job.apply()

    assert await scene.row(older) is None
    assert await scene.row(younger) is not None


async def test_many_are_deleted_in_batches(transcript_scene: TranscriptScene, redis: Redis) -> None:
    scene = transcript_scene
    await _set(scene, scene.organization_id, value=1)
    times = {"created_at": NOON, "updated_at": NOON, "title": "talk", "message_count": 0}
    owner = {"organization_id": scene.organization_id, "user_id": scene.user_id}
    async with transaction(scene.sessions, PLATFORM) as session:
        count = 2 * retention.BATCH + 1
        session.add_all(Conversation(id=new_uuid(), **owner, **times) for _ in range(count))

    await _retention(scene, redis, at=NOON + 2 * DAY).apply()

    async with transaction(scene.sessions, PLATFORM) as session:
        left = (await session.scalars(select(Conversation.id))).all()
    assert left == []


async def test_one_process_applies_it_once_an_hour(
    transcript_scene: TranscriptScene, redis: Redis
) -> None:
    jobs = [_retention(transcript_scene, redis, at=NOON) for _ in range(3)]

    first = [await job.apply_if_due() for job in jobs]
    lasts = await redis.ttl(TICKET)
    await redis.delete(TICKET)

    assert first == [True, False, False]
    assert 3500 < lasts <= 3600
    assert await jobs[1].apply_if_due()


async def test_what_was_broken_off_is_soon_done_again(
    transcript_scene: TranscriptScene, redis: Redis
) -> None:
    broken = _retention(transcript_scene, redis, at=NOON, environment={KEY: "no number"})
    with pytest.raises(ValueError, match="no number"):
        await broken.apply_if_due()

    assert await _retention(transcript_scene, redis, at=NOON).apply_if_due()


async def test_what_a_deleted_user_has_said_is_swept_up(
    transcript_scene: TranscriptScene, redis: Redis
) -> None:
    scene = transcript_scene
    theirs = await scene.begin("a", "b")
    async with transaction(scene.sessions, PLATFORM) as session:
        gone = delete(User).where(User.id == scene.user_id).execution_options(**UNTOLD)
        await session.execute(gone)
    now = SystemClock().now()

    await _retention(scene, redis, at=now).apply()
    at_once = await scene.contents(theirs)
    await _retention(scene, redis, at=now + timedelta(hours=2)).apply()

    # One that is this young might belong to a transaction that has not ended.
    assert at_once == ([] if scene.store.is_relational else ["a", "b"])
    assert await scene.contents(theirs) == []


async def test_what_belongs_to_a_conversation_is_not_swept_up(
    transcript_scene: TranscriptScene, redis: Redis
) -> None:
    scene = transcript_scene
    kept = await scene.begin("a", "b")

    later = SystemClock().now() + timedelta(days=1)
    await _retention(scene, redis, at=later).apply()

    assert await scene.contents(kept) == ["a", "b"]


async def test_what_a_deleted_organization_has_left_is_removed(
    transcript_scene: TranscriptScene, redis: Redis
) -> None:
    scene = transcript_scene
    await scene.begin("a")
    async with transaction(scene.sessions, PLATFORM, actor=operator_actor()) as session:
        await session.delete(await session.get_one(Organization, scene.organization_id))

    await _retention(scene, redis, at=NOON).apply()

    assert scene.organization_id not in await scene.store.list_organizations()


@pytest.mark.parametrize("transcript_scene", [DOCUMENTS], indirect=True)
async def test_a_database_of_an_organization_that_nobody_has_deleted_stays(
    transcript_scene: TranscriptScene, redis: Redis
) -> None:
    scene = transcript_scene
    assert scene.mongo is not None
    foreign = OrganizationId(new_uuid())
    await scene.mongo.of(foreign).messages.insert_one({"content": "another deployment's"})

    await _retention(scene, redis, at=NOON).apply()

    assert foreign in await scene.store.list_organizations()
