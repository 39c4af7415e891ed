"""What one turn asks of the relational store: few statements, and no more for a long talk."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.config.settings import PostgresSettings
from cadence.domains.conversations.opening import Asked, OpeningRepository
from cadence.domains.conversations.owner import ConversationOwner
from cadence.infra.database import migrating
from cadence.infra.database.engine import build_sessions, count_connections_in_use, open_database
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.tables import Message
from cadence.infra.database.transaction import transaction
from cadence.kernel.ids import (
    ConversationId,
    OrchestratorId,
    OrganizationId,
    UserId,
    new_ulid,
    new_uuid,
)
from cadence.resources import Resources
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization, create_organization, log_in, open_http
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.service import SYS_ADMIN, ServerThread, create_sys_admin, settings_for

# SECURITY.md §7 and the plan: on rows, not counting what raises the second wall.
MOST_STATEMENTS = 4
SHORT, LONG = 2, 400
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(slots=True)
class Heard:
    """The statements on rows, and how many rows and bytes they brought."""

    statements: list[str] = field(default_factory=list)
    walls: int = 0
    rows: int = 0
    bytes: int = 0

    def note(self, cursor: Any, statement: str) -> None:
        if "set_config" in statement:
            self.walls += 1
        elif statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            self.statements.append(" ".join(statement.split()))
            # The drivers' adapters have read all rows by now.
            found = list(cursor._rows)  # noqa: SLF001  # there is no other way to see them all
            self.rows += len(found)
            self.bytes += sum(len(str(value)) for row in found for value in row)


@contextmanager
def _listening(resources: Resources) -> Iterator[Heard]:
    asked = Heard()

    def hear(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        # Told to others once a second, whoever talks; that is no part of a turn.
        if "outbox_events" not in statement:
            asked.note(cursor, statement)

    engine = resources.engine.sync_engine
    event.listen(engine, "after_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(engine, "after_cursor_execute", hear)


@dataclass(frozen=True, slots=True)
class Scene:
    """A server on one of the stores, and an organization in it."""

    resources: Resources
    organization: Organization


@pytest.fixture(params=["sqlite", "postgresql"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    settings = settings_for(tmp_path)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        async with open_database(url, pool_size=1) as engine:
            await migrating.upgrade(engine)
        postgres = PostgresSettings(url=SecretStr(url))
        settings = settings.model_copy(update={"postgres": postgres})
    await create_sys_admin(settings)
    server = ServerThread(settings)
    service = await asyncio.to_thread(server.start)
    try:
        async with open_http(service.base_url) as http:
            root = Client(http, await log_in(http, SYS_ADMIN), "none")
            yield Scene(server.resources, await create_organization(http, root))
    finally:
        await asyncio.to_thread(server.stop)


async def _talk(bot: Bot, model: ModelServer, **more: Any) -> str:
    model.script(Say("x"), Say("The same few words."))
    answer = await bot.chat("Always the same question", **more)
    assert answer.status_code == 200, answer.text
    conversation: str = answer.json()["conversation_id"]
    return conversation


async def _lengthen(scene: Scene, conversation: str, *, to: int) -> None:
    """Add messages of the same words as if they had been said before."""
    engine = scene.resources.engine
    async with (
        open_database(engine.url.render_as_string(hide_password=False), pool_size=1) as own,
        transaction(build_sessions(own), PLATFORM) as session,
    ):
        for position in range(SHORT, to):
            is_question = position % 2 == 0
            words = "Always the same question" if is_question else "The same few words."
            session.add(
                Message(
                    id=new_uuid(),
                    organization_id=UUID(scene.organization.id),
                    conversation_id=UUID(conversation),
                    position=position,
                    run_id=new_ulid(),
                    role="user" if is_question else "assistant",
                    content=words,
                    status="completed",
                    agents=[],
                    tools=[],
                    created_at=NOON,
                )
            )
            await session.flush()


async def test_a_turn_takes_four_statements_however_long_the_talk_is(
    scene: Scene, model: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = await create_bot(scene.organization, model.openai_url, message_window=SHORT)
    short, long = await _talk(bot, model), await _talk(bot, model)
    await _lengthen(scene, long, to=LONG)

    measured = []
    for conversation in (short, long):
        with _listening(scene.resources) as asked:
            await _talk(bot, model, conversation_id=conversation)
        measured.append(asked)

    brief, lengthy = measured
    with capsys.disabled():
        for length, asked in ((SHORT, brief), (LONG, lengthy)):
            print(  # noqa: T201  # the figures are what one reads
                f"\n{length} messages: {len(asked.statements)} statements,"
                f" {asked.walls} for the second wall, {asked.rows} rows, {asked.bytes} bytes"
            )
    assert len(brief.statements) <= MOST_STATEMENTS, brief.statements
    assert lengthy.statements == brief.statements
    assert lengthy.rows == brief.rows
    # One digit more in the count of messages, and two more in each position.
    assert lengthy.bytes - brief.bytes <= 20


async def test_all_of_a_window_is_read_though_it_was_not_expected(
    scene: Scene, model: ModelServer
) -> None:
    bot = await create_bot(scene.organization, model.openai_url, message_window=100)
    conversation = await _talk(bot, model)
    await _lengthen(scene, conversation, to=LONG)
    windows = scene.resources.windows
    windows.note(OrchestratorId(UUID(bot.id)), 10)

    with _listening(scene.resources) as first:
        await _talk(bot, model, conversation_id=conversation)
    heard = len(model.calls[-1].messages)
    with _listening(scene.resources) as second:
        await _talk(bot, model, conversation_id=conversation)

    assert len(first.statements) > MOST_STATEMENTS
    assert len(second.statements) <= MOST_STATEMENTS
    assert len(model.calls[-1].messages) == heard > 100


async def test_no_connection_is_held_while_tokens_flow(scene: Scene, model: ModelServer) -> None:
    bot = await create_bot(scene.organization, model.openai_url)
    await _talk(bot, model)
    words = "one two three four five six seven eight"
    model.script(Say("x"), Say(words, delay_per_word=0.2))
    calls = len(model.calls)

    talking = asyncio.ensure_future(bot.stream("Tell me a story"))
    await model.wait_for_calls(calls + 2, within=30)
    held = []
    while not talking.done():
        held.append(count_connections_in_use(scene.resources.engine))
        await asyncio.sleep(0.02)
    events = await talking

    assert "".join(e.fields["content"] for e in events if e.name == "message") == words
    # It takes one at its very end, and whatever else the server does is over in a moment.
    assert len(held) > 40
    assert sum(held) <= len(held) // 10


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A database of its own, whichever stores the others are given."""
    async with open_database(f"sqlite:///{tmp_path / 'plan.db'}", pool_size=1) as engine:
        await migrating.upgrade(engine)
        yield engine


async def test_the_newest_messages_are_found_without_reading_the_others(
    sqlite: AsyncEngine,
) -> None:
    said: list[tuple[str, Any]] = []
    engine, sessions = sqlite, build_sessions(sqlite)
    event.listen(
        engine.sync_engine, "before_cursor_execute", lambda *told: said.append((told[2], told[3]))
    )
    home = OrganizationId(new_uuid())
    asked = Asked(
        orchestrator_id=OrchestratorId(new_uuid()),
        conversation_id=ConversationId(new_uuid()),
        window=50,
    )
    async with transaction(sessions, within(home)) as session:
        owner = ConversationOwner(user_id=UserId(new_uuid()), api_key_id=None)
        await OpeningRepository(session, home, owner).find(asked, environment={})
    statement, values = said[-1]

    async with engine.connect() as connection:
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [str(step[-1]) for step in plan]

    assert any(
        step.startswith("SEARCH messages") and "(conversation_id=? AND position>?)" in step
        for step in steps
    ), steps
    assert not any(step.startswith("SCAN") for step in steps), steps
