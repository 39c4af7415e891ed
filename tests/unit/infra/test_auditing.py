"""Sessions tell the audit trail of what they change, on each store, and nobody changes an entry."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.auditing import UNTOLD, UntoldChange, leave_untold, tell
from cadence.infra.database.base import Base
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.migrating import upgrade
from cadence.infra.database.reach import PLATFORM, Reach, within
from cadence.infra.database.tables import (
    AuditEntry,
    Conversation,
    LlmConfig,
    Membership,
    Orchestrator,
    Organization,
    User,
)
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.database.walls import OutsideReach
from cadence.kernel.actors import Actor, ActorKind
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import new_uuid, time_of

NOW = SystemClock().now()
ANN = Actor(
    kind=ActorKind.USER, id="0193-ann", name="ann", address="192.0.2.7", request_id="01JD0REQUEST"
)


@dataclass(frozen=True, slots=True)
class Store:
    """A migrated store."""

    sessions: Sessions

    def open(
        self, reach: Reach = PLATFORM, *, actor: Actor | None = ANN
    ) -> AbstractAsyncContextManager[AsyncSession]:
        return transaction(self.sessions, reach, actor=actor)

    async def entries(self, reach: Reach = PLATFORM) -> Sequence[AuditEntry]:
        """Return what the trail holds, oldest first."""
        async with transaction(self.sessions, reach, read_only=True) as session:
            return (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()

    async def actions(self) -> list[str]:
        return [entry.action for entry in await self.entries()]


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/c.db" if is_sqlite else request.getfixturevalue("postgres_url")
    async with open_store(url) as opened:
        yield opened


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Store]:
    async with open_store(postgres_url) as opened:
        yield opened


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    async with open_database(url, pool_size=2) as engine:
        await upgrade(engine)
        yield Store(build_sessions(engine))


def an_organization(name: str = "acme") -> Organization:
    return Organization(id=new_uuid(), name=name, created_at=NOW, updated_at=NOW)


def a_user(username: str = "bob") -> User:
    return User(
        id=new_uuid(), username=username, password_hash="canary", created_at=NOW, updated_at=NOW
    )


def an_llm_config(organization: Organization) -> LlmConfig:
    return LlmConfig(
        organization_id=organization.id,
        name="main",
        provider="openai",
        options={"service_tier": "flex"},
        secret_id="canary",
        sealed_key="canary",
        key_hint="cana",
        created_at=NOW,
        updated_at=NOW,
    )


async def stored(store: Store, *rows: object) -> None:
    """Store rows without a trail."""
    async with store.open() as session:
        leave_untold(session)
        for row in rows:
            session.add(row)
            await session.flush()


async def test_what_becomes_of_a_row_is_told_step_by_step(store: Store) -> None:
    row = an_organization()

    async with store.open() as session:
        session.add(row)
    async with store.open() as session:
        found = await session.get_one(Organization, row.id)
        found.status, found.name = "suspended", "acme & sons"
    async with store.open() as session:
        await session.delete(await session.get_one(Organization, row.id))

    told = await store.entries()
    assert [(entry.action, entry.object_name, entry.change) for entry in told] == [
        (
            "organization.create",
            "acme",
            {"name": {"to": "acme"}, "status": {"to": "active"}},
        ),
        (
            "organization.suspend",
            "acme & sons",
            {
                "name": {"from": "acme", "to": "acme & sons"},
                "status": {"from": "active", "to": "suspended"},
            },
        ),
        (
            "organization.remove",
            "acme & sons",
            {"name": {"from": "acme & sons"}, "status": {"from": "suspended"}},
        ),
    ]
    for entry in told:
        assert (entry.object_type, entry.object_id) == ("organization", str(row.id))
        assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("user", "0193-ann", "ann")
        assert (entry.address, entry.request_id) == ("192.0.2.7", "01JD0REQUEST")
        assert entry.created_at == time_of(entry.id)


async def test_an_id_that_only_the_store_knows_is_told_as_well(store: Store) -> None:
    organization = an_organization()
    await stored(store, organization)
    row = an_llm_config(organization)

    async with store.open(within(organization.id)) as session:
        session.add(row)

    (entry,) = await store.entries()
    assert (entry.action, entry.object_id) == ("llm_config.create", str(row.id))
    assert entry.change == {
        "name": {"to": "main"},
        "provider": {"to": "openai"},
        "options.service_tier": {"to": "flex"},
        "secret_id": {"to": "(secret)"},
        "sealed_key": {"to": "(secret)"},
        "key_hint": {"to": "(secret)"},
    }


async def test_many_flushes_make_one_entry(store: Store) -> None:
    row = a_user()

    async with store.open() as session:
        session.add(row)
        await session.flush()
        row.display_name = "Bob"
        await session.flush()
        row.email = "bob@example.org"

    (entry,) = await store.entries()
    assert entry.action == "user.create"
    assert entry.change["display_name"] == {"to": "Bob"}
    assert entry.change["email"] == {"to": "bob@example.org"}


async def test_what_changes_nothing_that_matters_leaves_no_entry(store: Store) -> None:
    row = an_organization()
    await stored(store, row)

    async with store.open() as session:
        found = await session.get_one(Organization, row.id)
        found.name, found.updated_at = "acme", SystemClock().now()
        await session.flush()
        found.status = "suspended"
        await session.flush()
        found.status = "active"

    assert await store.actions() == []


async def test_a_transaction_that_is_rolled_back_leaves_no_entry(store: Store) -> None:
    async def fail() -> None:
        async with store.open() as session:
            session.add(an_organization())
            await session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert await store.actions() == []


async def add_nested(session: AsyncSession, *names: str) -> None:
    """Add organizations in a savepoint, one flush for each."""
    async with session.begin_nested():
        for name in names:
            session.add(an_organization(name))
            await session.flush()


async def test_only_what_is_left_after_a_savepoint_is_told(store: Store) -> None:
    taken = an_organization("taken")
    await stored(store, taken)

    async with store.open() as session:
        session.add(an_organization("before"))
        with pytest.raises(IntegrityError):
            await add_nested(session, "undone", "taken")
        await add_nested(session, "kept")
        session.add(an_organization("after"))

    assert [entry.object_name for entry in await store.entries()] == ["before", "kept", "after"]


async def test_an_entry_belongs_to_whom_the_change_concerns(store: Store) -> None:
    organization, alone, inside = an_organization(), a_user("alone"), a_user("inside")

    async with store.open() as session:
        session.add_all([organization, alone])
    async with store.open(within(organization.id)) as session:
        session.add(inside)
    async with store.open() as session:
        session.add(an_llm_config(organization))

    owners = {entry.object_name: entry.organization_id for entry in await store.entries()}
    assert owners == {
        "acme": organization.id,
        "alone": None,
        "inside": organization.id,
        "main": organization.id,
    }


async def test_an_organization_reads_its_own_entries_only(store: Store) -> None:
    ours, theirs = an_organization("ours"), an_organization("theirs")
    async with store.open() as session:
        session.add_all([ours, theirs, a_user()])

    assert [entry.object_name for entry in await store.entries(within(ours.id))] == ["ours"]


async def test_a_membership_is_called_by_its_member(store: Store) -> None:
    organization, bob = an_organization(), a_user()
    await stored(store, organization, bob)

    async with store.open(within(organization.id)) as session:
        session.add(Membership(organization_id=organization.id, user_id=bob.id, created_at=NOW))
    async with store.open(within(organization.id)) as session:
        (await session.get_one(Membership, (organization.id, bob.id))).is_admin = True

    assert [
        (entry.action, entry.object_id, entry.object_name, entry.change)
        for entry in await store.entries()
    ] == [
        ("membership.create", str(bob.id), "bob", {"is_admin": {"to": False}}),
        ("membership.promote", str(bob.id), "bob", {"is_admin": {"from": False, "to": True}}),
    ]


async def test_all_that_goes_with_an_organization_is_told_by_its_one_entry(store: Store) -> None:
    organization, bob = an_organization(), a_user()
    membership = Membership(organization_id=organization.id, user_id=bob.id, created_at=NOW)
    await stored(store, organization, bob, membership, an_llm_config(organization))

    async with store.open() as session:
        await session.delete(await session.get_one(Organization, organization.id))

    assert await store.actions() == ["organization.remove"]


async def test_what_stands_in_another_table_can_be_told_of_a_row(store: Store) -> None:
    organization = an_organization()
    row = Orchestrator(
        id=new_uuid(),
        organization_id=organization.id,
        name="bot",
        framework_type="langgraph",
        mode="supervisor",
        config={},
        plugin_settings={},
        config_hash="",
        created_at=NOW,
        updated_at=NOW,
    )
    await stored(store, organization)

    async with store.open(within(organization.id)) as session:
        session.add(row)
        await session.flush()
        tell(session, row, "active_plugin_ids", before=[], after=["a"])
    async with store.open(within(organization.id)) as session:
        found = await session.get_one(Orchestrator, row.id)
        tell(session, found, "active_plugin_ids", before=["a"], after=["a"])
    async with store.open(within(organization.id)) as session:
        found = await session.get_one(Orchestrator, row.id)
        tell(session, found, "active_plugin_ids", before=["a"], after=["b"])

    created, changed = await store.entries()
    assert created.change["active_plugin_ids"] == {"to": ["a"]}
    assert (changed.action, changed.object_name) == ("orchestrator.change", "bot")
    assert changed.change == {"active_plugin_ids": {"from": ["a"], "to": ["b"]}}


async def test_nobody_s_change_is_refused(store: Store) -> None:
    with pytest.raises(UntoldChange, match=r"organization\.create"):
        async with store.open(actor=None) as session:
            session.add(an_organization())

    async with store.open() as session:
        assert (await session.scalars(select(Organization))).all() == []


async def test_people_s_own_words_need_no_actor_and_leave_no_entry(store: Store) -> None:
    organization, bob = an_organization(), a_user()
    await stored(store, organization, bob)

    async with store.open(within(organization.id), actor=None) as session:
        session.add(
            Conversation(
                id=new_uuid(),
                organization_id=organization.id,
                user_id=bob.id,
                title="canary",
                created_at=NOW,
                updated_at=NOW,
            )
        )

    assert await store.actions() == []


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(update(User).values(is_disabled=True), id="update"),
        pytest.param(delete(User), id="delete"),
        pytest.param(insert(User).values(username="x"), id="insert"),
        pytest.param(delete(Base.metadata.tables["users"]), id="a table's own"),
    ],
)
async def test_a_statement_past_the_trail_is_refused(store: Store, statement: object) -> None:
    await stored(store, a_user())

    async with store.open() as session:
        with pytest.raises(UntoldChange, match="users"):
            await session.execute(statement)  # type: ignore[call-overload]  # of three kinds


async def test_a_statement_may_say_that_there_is_nothing_to_tell(store: Store) -> None:
    row = a_user()
    await stored(store, row)

    async with store.open(actor=None) as session:
        renewing = update(User).values(password_hash="renewed")
        await session.execute(renewing.execution_options(**UNTOLD))

    async with store.open() as session:
        assert (await session.get_one(User, row.id)).password_hash == "renewed"
    assert await store.actions() == []


async def test_only_its_own_transaction_is_left_untold(store: Store) -> None:
    async with store.sessions() as session:
        session.info.update({"cadence_reach": PLATFORM, "cadence_actor": ANN})
        async with session.begin():
            leave_untold(session)
            session.add(an_organization("silent"))
        async with session.begin():
            session.add(an_organization("told"))

    assert [entry.object_name for entry in await store.entries()] == ["told"]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(update(AuditEntry).values(actor_name="somebody else"), id="update"),
        pytest.param(delete(AuditEntry), id="delete"),
        pytest.param(insert(AuditEntry).values(actor_name="somebody else"), id="insert"),
    ],
)
async def test_no_statement_touches_an_entry(store: Store, statement: object) -> None:
    async with store.open() as session:
        session.add(an_organization())

    for options in ({}, UNTOLD):
        async with store.open() as session:
            with pytest.raises(UntoldChange):
                await session.execute(statement, execution_options=options)  # type: ignore[call-overload]  # of three kinds

    assert await store.actions() == ["organization.create"]


async def test_no_session_changes_or_removes_an_entry(store: Store) -> None:
    async with store.open() as session:
        session.add(an_organization())

    with pytest.raises(UntoldChange):
        async with store.open() as session:
            (await session.scalars(select(AuditEntry))).one().actor_name = "somebody else"
    with pytest.raises(UntoldChange):
        async with store.open() as session:
            await session.delete((await session.scalars(select(AuditEntry))).one())

    assert [entry.actor_name for entry in await store.entries()] == ["ann"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor_name = 'somebody else'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
    ],
)
async def test_postgresql_itself_keeps_every_entry(postgres: Store, statement: str) -> None:
    async with postgres.open() as session:
        session.add(an_organization())

    with pytest.raises(DBAPIError, match="permission denied"):
        async with postgres.open() as session:
            await session.execute(text(statement))

    assert [entry.actor_name for entry in await postgres.entries()] == ["ann"]


async def test_the_walls_stand_around_sessions_that_tell(store: Store) -> None:
    ours, theirs = an_organization("ours"), an_organization("theirs")
    await stored(store, ours, theirs)

    with pytest.raises(OutsideReach):
        async with store.open(within(ours.id)) as session:
            session.add(an_llm_config(theirs))

    assert await store.actions() == []
