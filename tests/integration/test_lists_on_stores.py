"""Every list of every domain gives the same on SQLite and on PostgreSQL, within its walls."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.access.permissions import OrganizationStatus
from cadence.domains.conversations.owner import ConversationOwner
from cadence.domains.conversations.repository import ConversationRepository
from cadence.domains.conversations.schemas import ConversationQuery
from cadence.domains.llm_configs.repository import LlmConfigRepository
from cadence.domains.llm_configs.schemas import LlmConfigQuery
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.schemas import OrchestratorQuery
from cadence.domains.organizations.repository import MembershipRepository, OrganizationRepository
from cadence.domains.organizations.schemas import MemberQuery, OrganizationQuery
from cadence.domains.plugins.repository import PluginRepository
from cadence.domains.plugins.schemas import PluginQuery, Source
from cadence.domains.users.repository import UserRepository
from cadence.domains.users.schemas import UserQuery
from cadence.http.paging import ListQuery
from cadence.infra.database import migrating
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.tables import (
    Conversation,
    LlmConfig,
    Membership,
    Orchestrator,
    Organization,
    Plugin,
    User,
)
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import operator_actor
from cadence.kernel.ids import OrganizationId, UserId

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OURS, THEIRS = OrganizationId(UUID(int=1)), OrganizationId(UUID(int=2))
# Sorted without regard to case: apple, Banana, \u00c4pfel, \u00e4rger.
NAMES = ["Banana", "\u00e4rger", "apple", "\u00c4pfel"]
BY_NAME = ["apple", "Banana", "\u00c4pfel", "\u00e4rger"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sessions]:
    """A store in which two organizations have the same things."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    async with open_database(url, pool_size=1) as engine:
        await migrating.upgrade(engine)
        sessions = build_sessions(engine)
        async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
            await _fill(session)
        yield sessions


async def _fill(session: AsyncSession) -> None:
    for number, name in enumerate(NAMES, 1):
        session.add(Organization(id=UUID(int=number), name=name, status="active", **_times(number)))
        session.add(
            User(
                id=UUID(int=number),
                username=name,
                email=None if number % 2 else f"{number}@example.org",
                display_name=None,
                password_hash="",
                **_times(number),
            )
        )
    await session.flush()
    for owner in (OURS, THEIRS):
        for number, name in enumerate(NAMES, 1):
            identity = UUID(int=owner.int * 100 + number)
            _add_rows(session, owner, identity, name=name, times=_times(number))
        await session.flush()


def _times(number: int) -> dict[str, datetime]:
    """Created in the order of the ids; changed in the opposite one."""
    day = timedelta(days=number)
    return {"created_at": NOON + day, "updated_at": NOON - day}


def _add_rows(
    session: AsyncSession,
    owner: OrganizationId,
    identity: UUID,
    *,
    name: str,
    times: dict[str, datetime],
) -> None:
    number = identity.int % 100
    own: dict[str, Any] = {"organization_id": owner, "name": name}
    session.add(
        Membership(
            organization_id=owner,
            user_id=UUID(int=number),
            is_admin=number == 1,
            created_at=times["created_at"],
        )
    )
    session.add(LlmConfig(**own, provider="offline", options={}, secret_id="s", **times))
    session.add(
        Orchestrator(
            id=identity,
            **own,
            framework_type="langgraph",
            mode="supervisor",
            status="active",
            config={},
            plugin_settings={},
            config_hash="",
            **times,
        )
    )
    session.add(
        Conversation(id=identity, organization_id=owner, user_id=UUID(int=1), title=name, **times)
    )
    session.add(
        Plugin(
            id=identity,
            **own,
            pid=f"{name}.pid",
            version="1.0.0",
            description="",
            capabilities=[],
            dependencies=[],
            settings_schema=[],
            stateless=True,
            sdk_version="1",
            is_latest=number != 1,
            sha256="",
            size_bytes=0,
            created_at=times["created_at"],
        )
    )


async def _list_names(sessions: Sessions, query: ListQuery[Any]) -> list[str]:
    """Walk a list of ours, one row at a time, and return the names in it."""
    found: list[str] = []
    while True:
        async with transaction(sessions, _reach(query), read_only=True) as session:
            page = await _page(session, query)
        found += page.items
        if page.next is None:
            return found
        query = query.model_copy(update={"after": page.next})


def _reach(query: ListQuery[Any]) -> Any:
    return PLATFORM if isinstance(query, OrganizationQuery | UserQuery) else within(OURS)


async def _page(session: AsyncSession, query: ListQuery[Any]) -> Any:
    match query:
        case OrganizationQuery():
            return (await OrganizationRepository(session).page(query)).map(lambda row: row.name)
        case UserQuery():
            return (await UserRepository(session).page(query)).map(lambda row: row.username)
        case MemberQuery():
            members = MembershipRepository(session, OURS)
            return (await members.page(query)).map(lambda row: row[1].username)
        case LlmConfigQuery():
            return (await LlmConfigRepository(session, OURS).page(query)).map(lambda row: row.name)
        case OrchestratorQuery():
            orchestrators = OrchestratorRepository(session, OURS)
            return (await orchestrators.page(query)).map(lambda row: row.name)
        case ConversationQuery():
            owner = ConversationOwner(user_id=UserId(UUID(int=1)), api_key_id=None)
            conversations = ConversationRepository(session, OURS, owner)
            return (await conversations.page(query)).map(lambda row: row.title)
        case _:
            raise AssertionError(query)


LISTS: list[tuple[ListQuery[Any], list[str]]] = [
    (OrganizationQuery(limit=1), NAMES),
    (OrganizationQuery(limit=1, sort="name"), BY_NAME),
    (OrganizationQuery(limit=1, sort="-created_at"), NAMES[::-1]),
    (
        OrganizationQuery(limit=1, search="\u00c4", status=OrganizationStatus.ACTIVE),
        ["\u00e4rger", "\u00c4pfel"],
    ),
    (UserQuery(limit=1), NAMES),
    (UserQuery(limit=1, sort="-username"), BY_NAME[::-1]),
    (UserQuery(limit=1, sort="created_at", is_disabled=False), NAMES),
    (UserQuery(limit=1, search="@EXAMPLE.org"), ["\u00e4rger", "\u00c4pfel"]),
    (MemberQuery(limit=1), NAMES),
    (MemberQuery(limit=1, sort="username"), BY_NAME),
    (MemberQuery(limit=1, sort="-joined_at", is_admin=False), NAMES[:0:-1]),
    (LlmConfigQuery(limit=1), NAMES),
    (LlmConfigQuery(limit=1, sort="name", search="A"), ["apple", "Banana"]),
    (LlmConfigQuery(limit=1, sort="-created_at"), NAMES[::-1]),
    (OrchestratorQuery(limit=1), NAMES),
    (OrchestratorQuery(limit=1, sort="-name"), BY_NAME[::-1]),
    (OrchestratorQuery(limit=1, sort="updated_at"), NAMES[::-1]),
    (ConversationQuery(limit=1), NAMES[::-1]),
    (ConversationQuery(limit=1, sort="created_at"), NAMES),
    (
        ConversationQuery(limit=1, sort="updated_at", search="\u00c4"),
        ["\u00c4pfel", "\u00e4rger"],
    ),
]


async def test_each_list_is_the_same_on_each_store(sessions: Sessions) -> None:
    found = [(query, await _list_names(sessions, query)) for query, _ in LISTS]

    assert found == LISTS


async def test_the_catalog_is_the_same_on_each_store(sessions: Sessions) -> None:
    async def shown(**query: Any) -> list[str]:
        async with transaction(sessions, within(OURS), read_only=True) as session:
            rows = await PluginRepository(session, OURS).list_visible(PluginQuery(**query))
            return [row.name for row in rows]

    assert await shown() == BY_NAME
    assert await shown(search="\u00c4RG") == ["\u00e4rger"]
    assert await shown(latest=False) == ["Banana"]
    assert await shown(source=Source.SYSTEM) == []
