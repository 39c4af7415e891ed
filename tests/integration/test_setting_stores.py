"""Settings on both relational stores: what is told after a change, rivals, and how few queries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.config.resolving import SILENT, Said
from cadence.domains.settings.repository import SettingRepository, Stamp
from cadence.domains.settings.schemas import GlobalSettingChange, SettingsChange
from cadence.domains.settings.service import (
    GlobalSettings,
    OrganizationSettings,
    TierReader,
    reloading,
)
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.migrating import upgrade
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.tables import Orchestrator, Organization
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, new_uuid

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = Stamp(author=None, now=NOON)


@dataclass(kw_only=True)
class Office:
    """A store with organizations of one orchestrator each, and what is told and read anew."""

    engine: AsyncEngine
    sessions: Sessions
    acme: OrganizationId
    rival: OrganizationId
    told: list[OrchestratorEvent] = field(default_factory=list)
    revised: list[OrganizationId] = field(default_factory=list)

    async def change(self, organization_id: OrganizationId, **values: Any) -> None:
        """Change an organization's settings as a sys_admin."""

        async def revise() -> None:
            self.revised.append(organization_id)

        async with transaction(
            self.sessions, within(organization_id), actor=operator_actor()
        ) as session:
            settings = SettingRepository(session, organization_id)
            service = OrganizationSettings(
                settings=settings,
                tiers=TierReader(settings=settings, environment={}),
                reload=lambda: self.told.append(reloading(organization_id)),
                revise=revise,
                clock=SystemClock(),
                author=None,
                is_operator=True,
            )
            await service.change(SettingsChange(values))

    async def change_globally(self, key: str, **said: Any) -> None:
        """Change the global tier."""
        async with self.open_global() as settings:
            service = GlobalSettings(
                settings=settings,
                tiers=TierReader(settings=settings, environment={}),
                reload=lambda: self.told.append(reloading(None)),
                clock=SystemClock(),
                author=None,
            )
            await service.change(key, GlobalSettingChange(**said))

    async def held(self, organization_id: OrganizationId, key: str) -> object:
        """Return what holds for an organization."""
        async with transaction(self.sessions, within(organization_id), read_only=True) as session:
            settings = SettingRepository(session, organization_id)
            tiers = await TierReader(settings=settings, environment={}).read()
        return tiers.resolve()[key].value

    @asynccontextmanager
    async def open_global(self) -> AsyncIterator[SettingRepository]:
        """Open the global tier in a transaction."""
        async with transaction(self.sessions, PLATFORM, actor=operator_actor()) as session:
            yield SettingRepository(session, None)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def office(store_url: str) -> AsyncIterator[Office]:
    async with open_office(store_url) as opened:
        yield opened


@asynccontextmanager
async def open_office(url: str) -> AsyncIterator[Office]:
    async with open_database(url, pool_size=3) as engine:
        await upgrade(engine)
        sessions = build_sessions(engine)
        acme, rival = [await _organization(sessions, name) for name in ("Acme", "Rival")]
        yield Office(engine=engine, sessions=sessions, acme=acme, rival=rival)


async def _organization(sessions: Sessions, name: str) -> OrganizationId:
    organization_id = new_uuid()
    organization = Organization(
        id=organization_id, name=name, status="active", created_at=NOON, updated_at=NOON
    )
    orchestrator = Orchestrator(
        id=new_uuid(),
        organization_id=organization_id,
        name="bot",
        framework_type="langgraph",
        mode="supervisor",
        status="active",
        config={},
        plugin_settings={},
        config_hash=f"hash of {name}",
        created_at=NOON,
        updated_at=NOON,
    )
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(organization)
        await session.flush()
        session.add(orchestrator)
    return OrganizationId(organization_id)


def _reload(owner: str | None) -> OrchestratorEvent:
    return OrchestratorEvent(action=Action.RELOAD, organization_id=owner, orchestrator_id=None)


async def test_an_organizations_change_is_told_once_for_all_that_it_has(office: Office) -> None:
    await office.change(office.acme, message_window=7, max_tokens=100)

    assert office.told == [_reload(str(office.acme))]
    assert office.revised == []


async def test_a_global_change_is_told_once_for_everybody(office: Office) -> None:
    await office.change_globally("message_window", value=7)

    assert office.told == [_reload(None)]


async def test_what_changes_nothing_is_not_told(office: Office) -> None:
    await office.change(office.acme, message_window=7)
    await office.change_globally("max_tokens", value=100)
    office.told.clear()

    await office.change(office.acme, message_window=7, temperature=None)
    await office.change_globally("max_tokens", value=100)
    await office.change_globally("max_tokens")

    assert office.told == []


async def test_a_limit_concerns_no_orchestrator_but_is_read_anew(office: Office) -> None:
    await office.change(office.acme, rate_write_per_minute=5)
    await office.change_globally("rate_write_per_minute", value=9)

    assert office.told == []
    assert office.revised == [office.acme]
    assert await office.held(office.acme, "rate_write_per_minute") == 5
    assert await office.held(office.rival, "rate_write_per_minute") == 9


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("message_window", 0),
        ("temperature", 0.5),
        ("invoke_timeout", 90.0),
        ("parallel_tool_calls", False),
        ("compaction", "none"),
    ],
)
async def test_every_kind_of_value_is_kept_as_it_was(
    office: Office, key: str, value: object
) -> None:
    await office.change(office.acme, **{key: value})
    await office.change_globally(key, value=value, overridable=False)

    assert await office.held(office.acme, key) == value
    assert await office.held(office.rival, key) == value
    await office.change_globally(key, value=None)
    await office.change_globally(key, overridable=None)
    assert await office.held(office.acme, key) == value


async def test_the_tiers_are_read_by_one_query(office: Office) -> None:
    await office.change(office.acme, message_window=7)
    await office.change_globally("max_tokens", value=100)
    asked: list[str] = []

    @event.listens_for(office.engine.sync_engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    await office.held(office.acme, "message_window")

    assert len([one for one in asked if "settings" in one]) == 1


async def test_silence_leaves_no_row(office: Office) -> None:
    async with office.open_global() as settings:
        await settings.write("max_tokens", Said(value=5), STAMP)
        await settings.write("max_tokens", SILENT, STAMP)
        await settings.write("max_tokens", SILENT, STAMP)

        assert list(await settings.list_visible()) == []


async def test_of_two_who_set_a_key_first_the_later_one_is_heard(postgres_url: str) -> None:
    async with open_office(postgres_url) as office:

        async def rival() -> None:
            async with office.open_global() as settings:
                await settings.write("max_tokens", Said(value=2, overridable=False), STAMP)

        async with asyncio.TaskGroup() as tasks, office.open_global() as settings:
            await settings.write("max_tokens", Said(value=1), STAMP)
            tasks.create_task(rival())
            await _somebody_waits(office.engine)

        async with office.open_global() as settings:
            rows = await settings.list_visible()
        assert [(row.value, row.overridable) for row in rows] == [(2, False)]


async def _somebody_waits(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        while True:
            if await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                return
            await asyncio.sleep(0.02)


async def test_an_organization_that_is_gone_is_not_found(office: Office) -> None:
    gone = OrganizationId(new_uuid())

    with pytest.raises(NotFound):
        await office.change(gone, message_window=7)


async def test_the_repository_keeps_to_its_organization_without_the_second_wall(
    office: Office,
) -> None:
    await office.change(office.rival, message_window=7)
    await office.change_globally("message_window", value=8)

    async with transaction(office.sessions, PLATFORM, actor=operator_actor()) as session:
        settings = SettingRepository(session, office.acme)
        await settings.write("message_window", SILENT, STAMP)
        seen = [row.organization_id for row in await settings.list_visible()]
        await settings.write("message_window", Said(value=9), STAMP)

    assert seen == [None]
    assert await office.held(office.acme, "message_window") == 9
    assert await office.held(office.rival, "message_window") == 7
