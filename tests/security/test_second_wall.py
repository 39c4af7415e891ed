"""No statement of ours finds or changes a foreign row, whatever filter it lacks: T3."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import (
    ColumnElement,
    Select,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, load_only

from cadence.infra.database.auditing import UNTOLD
from cadence.infra.database.base import Base, Owned, OwnedOrShared
from cadence.infra.database.reach import NOWHERE, PLATFORM, Reach, within
from cadence.infra.database.tables import (
    Conversation,
    LlmConfig,
    Membership,
    Message,
    Orchestrator,
    OrchestratorPlugin,
    Plugin,
    Setting,
    User,
)
from cadence.infra.database.transaction import Sessions
from cadence.infra.database.walls import OutsideReach
from tests.security.tenant_rows import NOON, SHARED_PLUGIN, plugin
from tests.security.tenant_store import OURS, THEIRS, undone

HOME = within(OURS.id)
CLASSES = [
    pytest.param(mapper.class_, id=str(mapper.local_table))
    for mapper in sorted(Base.registry.mappers, key=lambda found: str(found.local_table))
    if issubclass(mapper.class_, Owned | OwnedOrShared)
]
Act = Callable[[AsyncSession], Awaitable[object]]


async def _require_refused(sessions: Sessions, reach: Reach, act: Act) -> None:
    with pytest.raises(OutsideReach):
        await _act_and_flush(sessions, reach, act)


async def _act_and_flush(sessions: Sessions, reach: Reach, act: Act) -> None:
    async with undone(sessions, reach) as session:
        await act(session)
        await session.flush()


_other = aliased(Conversation)
# As true of two organizations' conversations as of one's own.
_looks_like = _other.message_count == Conversation.message_count
_inner = select(Conversation.id).subquery()
_cte = select(Conversation.id).cte()
FINDING: dict[str, Callable[[], Select[Any]]] = {
    "columns": lambda: select(Conversation.id),
    "an entity": lambda: select(Conversation),
    "a few columns of an entity": lambda: select(Conversation).options(
        load_only(Conversation.title)
    ),
    "an alias": lambda: select(_other.id),
    "a join": lambda: select(Message.id).join(
        Conversation, Conversation.id == Message.conversation_id
    ),
    "a join with an alias": lambda: select(Message.id).join(
        _other, _other.id == Message.conversation_id
    ),
    "an alias joined to its own table": lambda: (
        select(_other.id).select_from(Conversation).join(_other, _looks_like)
    ),
    "an alias beside its own table": lambda: select(_other.id).where(_looks_like),
    "a join from what has no organization": lambda: (
        select(Membership.user_id).select_from(User).join(Membership, Membership.user_id == User.id)
    ),
    "an outer join": lambda: select(Orchestrator.id).outerjoin(
        Conversation, Conversation.orchestrator_id == Orchestrator.id
    ),
    "a comma": lambda: select(Orchestrator.id).where(
        OrchestratorPlugin.orchestrator_id == Orchestrator.id
    ),
    "a subquery": lambda: select(_inner.c.id),
    "a common table expression": lambda: select(_cte.c.id),
    "a list of ids": lambda: select(Message.id).where(
        Message.conversation_id.in_(select(Conversation.id))
    ),
    "a union": lambda: select(
        union_all(select(Conversation.id), select(Orchestrator.id)).subquery().c.id
    ),
    "locked rows": lambda: select(LlmConfig.id).with_for_update(),
    "a condition that is always true": lambda: select(LlmConfig.id).where(
        or_(LlmConfig.organization_id == THEIRS.id, literal(value=True))
    ),
}
OUR_IDS = {
    value
    for name in ("member", "admin", "orchestrator", "conversation", "question", "answer")
    for value in [getattr(OURS, name)]
} | {OURS.llm_config}


@pytest.mark.parametrize("how", FINDING)
async def test_a_query_without_a_filter_finds_our_rows_alone(
    sessions: Sessions, *, how: str
) -> None:
    everybodys, found, others, nobodys = [
        await _found_ids(sessions, reach, FINDING[how]())
        for reach in (PLATFORM, HOME, within(THEIRS.id), NOWHERE)
    ]

    assert found == everybodys & OUR_IDS
    assert others == everybodys - OUR_IDS
    assert len(found) == len(others) > 0
    assert nobodys == set()


async def _found_ids(sessions: Sessions, reach: Reach, query: Select[Any]) -> set[object]:
    async with undone(sessions, reach) as session:
        return {getattr(found, "id", found) for found in await session.scalars(query)}


COUNTING: dict[str, Callable[[], Select[Any]]] = {
    "rows": lambda: select(func.count()).select_from(Conversation),
    "ids": lambda: select(func.count(Conversation.id)),
    "a subquery's rows": lambda: select(func.count()).select_from(select(Conversation).subquery()),
    "what is there": lambda: select(func.count(User.id)).where(
        exists().where(Conversation.user_id == User.id)
    ),
    "what a scalar subquery says": lambda: select(
        select(func.count(Conversation.id)).scalar_subquery()
    ),
}


@pytest.mark.parametrize("what", COUNTING)
async def test_a_count_without_a_filter_counts_our_rows_alone(
    sessions: Sessions, *, what: str
) -> None:
    counted = []
    for reach in (PLATFORM, HOME, NOWHERE):
        async with undone(sessions, reach) as session:
            counted.append(await session.scalar(COUNTING[what]()))

    assert counted == [2, 1, 0]


@pytest.mark.parametrize("owned", CLASSES)
async def test_a_foreign_row_cannot_be_got_by_its_key(
    sessions: Sessions, *, owned: type[Any]
) -> None:
    async with undone(sessions, PLATFORM) as session:
        theirs = await session.scalar(select(owned).where(owned.organization_id == THEIRS.id))
        assert theirs is not None
        key = tuple(getattr(theirs, column.key) for column in owned.__mapper__.primary_key)

    for reach in (HOME, NOWHERE):
        async with undone(sessions, reach) as session:
            assert await session.get(owned, key) is None


CHANGES: dict[str, ColumnElement[bool]] = {
    "everything": literal(value=True),
    "what is theirs": Conversation.organization_id == THEIRS.id,
    "what is found by id": Conversation.id == THEIRS.conversation,
    "what a subquery finds": Conversation.id.in_(select(Message.conversation_id)),
}


@pytest.mark.parametrize("condition", CHANGES)
async def test_a_statement_changes_and_removes_our_rows_alone(
    sessions: Sessions, *, condition: str
) -> None:
    where = CHANGES[condition]
    ours = 0 if condition in {"what is theirs", "what is found by id"} else 1
    for reach, met in ((HOME, ours), (NOWHERE, 0)):
        async with undone(sessions, reach) as session:
            changed = update(Conversation).where(where).values(title="x")
            removed = delete(Conversation).where(where)

            assert _met(await session.execute(changed)) == met
            assert _met(await session.execute(removed)) == met


def _met(result: Any) -> int:
    met: int = result.rowcount
    return met


@pytest.mark.parametrize("owner", [THEIRS.id, None], ids=["theirs", "nobody's"])
async def test_a_foreign_row_cannot_be_added(sessions: Sessions, *, owner: Any) -> None:
    async def add(session: AsyncSession) -> None:
        session.add(plugin(OURS.plugin, owner, version="9.0.0", is_latest=False))

    await _require_refused(sessions, HOME, add)


async def test_a_row_cannot_be_given_away(sessions: Sessions) -> None:
    async def give(session: AsyncSession) -> None:
        row = await session.get_one(Conversation, OURS.conversation)
        row.organization_id = THEIRS.id

    await _require_refused(sessions, HOME, give)


@pytest.mark.parametrize("reach", [HOME, NOWHERE], ids=["ours", "nowhere"])
async def test_a_row_that_came_from_elsewhere_is_not_written(
    sessions: Sessions, *, reach: Reach
) -> None:
    async with undone(sessions, PLATFORM) as session:
        changed = await session.get_one(Conversation, THEIRS.conversation)
        removed = await session.get_one(Message, THEIRS.answer)
        session.expunge_all()

    async def change(session: AsyncSession) -> None:
        session.add(changed)
        changed.title = f"as {reach.organization_id} wants it"

    async def remove(session: AsyncSession) -> None:
        await session.delete(removed)

    for act in (change, remove):
        await _require_refused(sessions, reach, act)


_foreign = {
    "id": THEIRS.conversation,
    "organization_id": THEIRS.id,
    "user_id": THEIRS.member,
    "title": "x",
    "created_at": NOON,
    "updated_at": NOON,
}
UNBOUNDED: dict[str, tuple[Any, ...]] = {
    "an insertion": (insert(Conversation).values(_foreign),),
    "an insertion of many": (insert(Conversation), [_foreign]),
    "changes by key": (update(Conversation), [{"id": THEIRS.conversation, "title": "x"}]),
    "rows given away": (update(Conversation).values(organization_id=THEIRS.id),),
    "rows given away by name": (update(Conversation).values({"organization_id": THEIRS.id}),),
    "rows given away one by one": (
        update(Conversation),
        [{"id": OURS.conversation, "organization_id": THEIRS.id}],
    ),
}


@pytest.mark.parametrize("reach", [HOME, NOWHERE], ids=["ours", "nowhere"])
@pytest.mark.parametrize("what", UNBOUNDED)
async def test_a_statement_that_no_criterion_bounds_is_refused(
    sessions: Sessions, *, what: str, reach: Reach
) -> None:
    async def run(session: AsyncSession) -> None:
        await session.execute(*UNBOUNDED[what])

    await _require_refused(sessions, reach, run)


@pytest.mark.parametrize("reach", [HOME, NOWHERE], ids=["ours", "nowhere"])
@pytest.mark.parametrize(("shared", "column"), [(Plugin, "name"), (Setting, "key")])
async def test_what_is_shared_is_read_by_all_and_changed_by_none(
    sessions: Sessions, *, shared: Any, column: str, reach: Reach
) -> None:
    common = shared.organization_id.is_(None)

    async def remove(session: AsyncSession) -> None:
        row = await session.scalar(select(shared).where(common))
        assert row is not None
        await session.delete(row)

    async with undone(sessions, reach) as session:
        changed = update(shared).where(common).values({column: "x"})
        for statement in (changed, delete(shared).where(common)):
            untold = statement.execution_options(**UNTOLD)
            assert _met(await session.execute(untold)) == 0
    await _require_refused(sessions, reach, remove)


async def test_the_platform_may_change_what_is_shared(sessions: Sessions) -> None:
    async with undone(sessions, PLATFORM) as session:
        row = await session.get_one(Plugin, SHARED_PLUGIN)
        row.name = "Better tools"
        await session.flush()

        assert await session.scalar(select(Plugin.name).where(Plugin.id == row.id)) == row.name
