"""Each wall holds without the other: T3.

Taking any one organization filter out of a repository is noticed while the second wall is down;
and while it stands, no such mutant gives anything away.
"""

import inspect
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import MultipleResultsFound
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.infra.database.reach import PLATFORM, Reach, within
from cadence.infra.database.transaction import Sessions
from cadence.kernel.errors import CadenceError
from tests.security import (
    stories_of_access,
    stories_of_catalog,
    stories_of_conversations,
    stories_of_mcp_servers,
    stories_of_models,
    stories_of_orchestrators,
    stories_of_people,
    stories_of_usage,
)
from tests.security.crossed_rows import crossed_rows
from tests.security.tenant_rows import OWNER, owned_tables
from tests.security.tenant_store import (
    OURS,
    THEIRS,
    make_postgresql_store,
    make_sqlite_store,
    open_sessions,
    undone,
)
from tests.security.wall_mutants import Mutant, mutants, repositories, repository_modules
from tests.security.wall_stories import Stage, Story

HOME = within(OURS.id)
STORIES = [
    *stories_of_access.STORIES,
    *stories_of_catalog.STORIES,
    *stories_of_conversations.STORIES,
    *stories_of_mcp_servers.STORIES,
    *stories_of_models.STORIES,
    *stories_of_orchestrators.STORIES,
    *stories_of_people.STORIES,
    *stories_of_usage.STORIES,
]
AS_THEY_ARE: Mapping[str, Any] = {
    name: thing
    for module in repository_modules()
    for name, thing in inspect.getmembers(module, inspect.isclass)
}
ALL_MUTANTS = mutants()
MUTANTS = [pytest.param(mutant, id=mutant.name) for mutant in ALL_MUTANTS]
# How a story ends that meets what it should not; of a mutant that is broken it ends otherwise.
NOTICED = (AssertionError, CadenceError, MultipleResultsFound, pytest.fail.Exception)


@pytest.fixture(scope="module")
def sqlite_crossed(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_sqlite_store(tmp_path_factory.mktemp("crossed"), crossed_rows)


@pytest.fixture(scope="module")
def postgresql_crossed(postgres_server: str) -> str:
    return make_postgresql_store(postgres_server, crossed_rows)


@pytest.fixture(params=["sqlite", "postgresql"])
def crossed(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_crossed")
    return url


def test_every_public_method_has_a_story() -> None:
    told = {(story.repository, story.method) for story in STORIES}
    missing = [
        (repository.__name__, name)
        for repository in repositories()
        if "organization_id" in inspect.signature(repository).parameters
        for name, method in inspect.getmembers(repository, inspect.isfunction)
        if not name.startswith("_") and (repository.__name__, name) not in told
    ]

    assert missing == []


def test_there_is_a_mutant_of_every_repository_of_tenants() -> None:
    print(f"{len(ALL_MUTANTS)} mutants, {len(STORIES)} stories")  # noqa: T201  # shown by `-s`
    changed = {mutant.owner for mutant in ALL_MUTANTS}

    assert changed >= {
        repository.__name__
        for repository in repositories()
        if "organization_id" in inspect.signature(repository).parameters
    }


async def test_every_story_is_true_on_both_walls(theatre: "Theatre") -> None:
    for story in STORIES:
        await theatre.tell(story, AS_THEY_ARE, PLATFORM)
        if not story.needs_platform:
            await theatre.tell(story, AS_THEY_ARE, HOME)


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_filter_taken_out_is_noticed(theatre: "Theatre", *, mutant: Mutant) -> None:
    classes = mutant.classes()

    for story in _about(mutant):
        if await theatre.is_noticed(story, classes):
            return
    pytest.fail("every story is as true as before")


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_the_second_wall_holds_without_it(theatre: "Theatre", *, mutant: Mutant) -> None:
    classes = mutant.classes()

    for story in _about(mutant):
        if not story.needs_platform:
            await theatre.tell(story, classes, HOME)


def _about(mutant: Mutant) -> list[Story]:
    owners = {mutant.owner} if mutant.owner is not None else set(mutant.classes())
    return [story for story in STORIES if story.repository in owners]


@dataclass(frozen=True, slots=True)
class Theatre:
    """Where stories are told; nothing of theirs may be another after one."""

    sessions: Sessions
    their_rows: dict[str, list[Any]]

    async def is_noticed(self, story: Story, classes: Mapping[str, Any]) -> bool:
        """Whether the story is not true, with the second wall down."""
        try:
            await self.tell(story, classes, PLATFORM)
        except NOTICED:
            return True
        return False

    async def tell(self, story: Story, classes: Mapping[str, Any], reach: Reach) -> None:
        """Tell a story; fails when it is not true, or when anything of theirs has changed."""
        async with undone(self.sessions, reach) as session:
            await story.tell(Stage(session, classes))
            await session.flush()
            assert await _their_rows(session) == self.their_rows, story.tell.__name__


@pytest.fixture
async def theatre(crossed: str) -> AsyncIterator[Theatre]:
    async with open_sessions(crossed) as sessions:
        async with undone(sessions, PLATFORM) as session:
            rows = await _their_rows(session)
        yield Theatre(sessions, rows)


async def _their_rows(session: AsyncSession) -> dict[str, list[Any]]:
    """Read all of theirs past both walls; whatever comes after it on PostgreSQL has no wall."""
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT set_config('app.reach', 'platform', true)"))
    found = {}
    for table in owned_tables():
        query = select(table).where(table.c[OWNER] == THEIRS.id)
        rows = await connection.execute(query.order_by(*table.primary_key.columns))
        found[table.name] = list(rows.all())
    return found
