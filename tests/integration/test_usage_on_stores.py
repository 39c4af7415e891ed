"""Usage is recorded once and told alike on SQLite and on PostgreSQL, within its walls."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from cadence.domains.usage.prices import Rates
from cadence.domains.usage.recording import UsageRecorder
from cadence.domains.usage.repository import UsageRepository
from cadence.domains.usage.schemas import UsageByDay, UsageQuery, UsageReport
from cadence.domains.usage.service import UsageService
from cadence.engine.contract import ModelCall
from cadence.engine.spec import Provider
from cadence.infra.database import migrating
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.once import add_once
from cadence.infra.database.reach import NOWHERE, PLATFORM, Reach, within
from cadence.infra.database.tables import Orchestrator, Organization, UsageEntry
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.database.walls import OutsideReach
from cadence.kernel.actors import operator_actor
from cadence.kernel.errors import InvalidInput
from cadence.kernel.ids import OrchestratorId, OrganizationId, RunId, new_ulid, new_uuid

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOON.date()
OURS, THEIRS = OrganizationId(UUID(int=1)), OrganizationId(UUID(int=2))
BOT, GONE = OrchestratorId(UUID(int=11)), OrchestratorId(UUID(int=12))
UNPRICED = "homemade"


class NoonClock:
    def now(self) -> datetime:
        return NOON


class OneDollarEach:
    """Every token costs a dollar, but for one model that nobody has a price of."""

    source = "a list of ours"

    def find(self, provider: Provider, model: str, day: date) -> Rates | None:
        dollar = Decimal("1.00")
        unpriced = model == UNPRICED
        return None if unpriced else Rates(input_token=dollar, output_token=dollar, call=Decimal(0))


def call(model: str = "gpt", *, provider: Provider = Provider.OPENAI) -> ModelCall:
    return ModelCall(
        provider=provider,
        model=model,
        input_tokens=10,
        output_tokens=1,
        started_at=0.0,
        ended_at=1.0,
    )


@dataclass(frozen=True, slots=True)
class Office:
    """A store with two organizations in it."""

    engine: AsyncEngine
    sessions: Sessions

    async def record(
        self,
        *calls: ModelCall,
        run_id: str | None = None,
        orchestrator_id: OrchestratorId = BOT,
        now: datetime = NOON,
        owner: OrganizationId = OURS,
    ) -> None:
        """Record one run in a transaction of its own."""
        async with transaction(self.sessions, within(owner)) as session:
            await UsageRecorder(session, owner).record(
                run_id=RunId(run_id or new_ulid()),
                orchestrator_id=orchestrator_id,
                calls=calls,
                now=now,
            )

    async def report(self, **asked: Any) -> UsageReport:
        """Return what our admins read."""
        async with transaction(self.sessions, within(OURS)) as session:
            service = UsageService(
                UsageRepository(session, OURS), clock=NoonClock(), open_prices=OneDollarEach
            )
            return await service.report(UsageQuery.model_validate(asked))

    @contextmanager
    def noting(self) -> Iterator[list[str]]:
        """Yield what is asked of the store meanwhile, besides what opens the transaction."""
        asked: list[str] = []

        def note(_: object, __: object, statement: str, *___: object) -> None:
            if not statement.startswith(("BEGIN", "SELECT set_config")):
                asked.append(statement)

        event.listen(self.engine.sync_engine, "before_cursor_execute", note)
        yield asked
        event.remove(self.engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture(params=["sqlite", "postgresql"])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    async with open_database(url, pool_size=1) as engine:
        await migrating.upgrade(engine)
        sessions = build_sessions(engine)
        async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
            await _fill(session)
        yield Office(engine, sessions)


async def _fill(session: AsyncSession) -> None:
    times = {"created_at": NOON, "updated_at": NOON}
    for owner in (OURS, THEIRS):
        session.add(Organization(id=owner, name=f"{owner.int}", status="active", **times))
    await session.flush()
    session.add(
        Orchestrator(
            id=BOT,
            organization_id=OURS,
            name="bot",
            framework_type="langgraph",
            mode="supervisor",
            status="active",
            config={},
            plugin_settings={},
            config_hash="-",
            **times,
        )
    )


async def test_a_run_is_recorded_by_one_statement_and_once(office: Office) -> None:
    run = new_ulid()
    calls = [call(), call(), call("claude", provider=Provider.ANTHROPIC)]

    with office.noting() as asked:
        await office.record(*calls, run_id=run)
    await office.record(*calls, call(), run_id=run)

    assert [statement.split()[0] for statement in asked] == ["INSERT"]
    report = await office.report()
    told = {each.model: (each.provider, each.runs, each.llm_calls) for each in report.items}
    assert told == {"gpt": ("openai", 1, 2), "claude": ("anthropic", 1, 1)}


async def test_a_run_without_a_call_asks_nothing_of_the_store(office: Office) -> None:
    with office.noting() as asked:
        await office.record()

    assert asked == []


async def test_a_run_counts_on_the_day_it_ends_in_utc(office: Office) -> None:
    await office.record(call(), now=datetime.fromisoformat("2026-11-20T00:30:00+01:00"))

    [only] = (await office.report()).items

    assert only.day == date(2026, 11, 19)


async def test_usage_is_told_by_day_orchestrator_and_model(office: Office) -> None:
    yesterday = NOON - timedelta(days=1)
    await office.record(call(), call("gpt-4.1"), now=yesterday)
    await office.record(call())
    await office.record(call(), call())
    await office.record(call(), orchestrator_id=GONE)
    await office.record(call(), owner=THEIRS)

    report = await office.report()

    assert [_told(each) for each in report.items] == [
        ("2026-11-20", None, "gpt", 1, 1, "11"),
        ("2026-11-20", "bot", "gpt", 2, 3, "33"),
        ("2026-11-19", "bot", "gpt-4.1", 1, 1, "11"),
        ("2026-11-19", "bot", "gpt", 1, 1, "11"),
    ]
    assert [each.instance_id for each in report.items] == [GONE, BOT, BOT, BOT]
    totals = report.totals
    assert (totals.runs, totals.llm_calls) == (4, 6)
    assert (totals.input_tokens, totals.output_tokens) == (60, 6)
    assert (totals.cost_usd, totals.unpriced_llm_calls) == ("66", 0)
    assert report.price_source == "a list of ours"


def _told(row: UsageByDay) -> tuple[object, ...]:
    return (
        row.day.isoformat(),
        row.instance_name,
        row.model,
        row.runs,
        row.llm_calls,
        row.cost_usd,
    )


async def test_what_has_no_price_is_told_and_not_guessed(office: Office) -> None:
    await office.record(call(), call(UNPRICED), call(UNPRICED))

    report = await office.report()
    alone = await office.report(model=UNPRICED)

    assert {each.model: each.cost_usd for each in report.items} == {"gpt": "11", UNPRICED: None}
    assert (report.totals.cost_usd, report.totals.unpriced_llm_calls) == ("11", 2)
    assert (alone.totals.cost_usd, alone.totals.unpriced_llm_calls) == (None, 2)


async def test_nothing_used_costs_nothing(office: Office) -> None:
    report = await office.report()

    assert (report.items, report.next) == ([], None)
    assert (report.totals.runs, report.totals.cost_usd) == (0, "0")
    assert (report.first_day, report.last_day) == (TODAY - timedelta(days=29), TODAY)


async def test_filters_hold_for_rows_and_totals(office: Office) -> None:
    await office.record(call(), call("other"))
    await office.record(call(), orchestrator_id=GONE)
    await office.record(call(), now=NOON - timedelta(days=30))

    for asked, runs, rows in (
        ({}, 2, 3),
        ({"model": "other"}, 1, 1),
        ({"model": "OTHER"}, 0, 0),
        ({"instance_id": str(GONE)}, 1, 1),
        ({"instance_id": str(GONE), "model": "other"}, 0, 0),
        ({"from": "2026-10-21"}, 3, 4),
        ({"from": "2026-10-21", "to": "2026-10-21"}, 1, 1),
        ({"from": "2026-10-22", "to": "2026-11-19"}, 0, 0),
    ):
        report = await office.report(**asked)
        assert (report.totals.runs, len(report.items)) == (runs, rows), asked


async def test_pages_add_up_to_the_whole_list_whatever_models_are_called(office: Office) -> None:
    names = ["gpt", "gpt-4.1", "a.b.c", "Zoë", "llama3:8b", "org/model"]
    for days in range(3):
        for orchestrator in (BOT, GONE):
            await office.record(
                *map(call, names),
                call("gpt", provider=Provider.AZURE_OPENAI),
                orchestrator_id=orchestrator,
                now=NOON - timedelta(days=days),
            )
    whole = await office.report()

    walked: list[UsageByDay] = []
    after: dict[str, str] = {}
    while True:
        page = await office.report(limit=4, **after)
        walked += page.items
        assert page.totals == whole.totals
        if page.next is None:
            break
        after = {"after": page.next}

    assert len(walked) == 3 * 2 * 7
    assert walked == whole.items


async def test_a_cursor_of_another_range_is_refused(office: Office) -> None:
    await office.record(call(), call("other"))
    cursor = (await office.report(limit=1)).next

    with pytest.raises(InvalidInput) as caught:
        await office.report(limit=1, after=cursor, **{"from": "2026-11-01"})

    assert [problem.path for problem in caught.value.fields] == ["after"]


@pytest.mark.parametrize("reach", [within(THEIRS), NOWHERE], ids=["theirs", "nowhere"])
async def test_the_second_wall_lets_nobody_record_for_others(
    office: Office, *, reach: Reach
) -> None:
    async with transaction(office.sessions, reach) as session:
        with pytest.raises(OutsideReach):
            await UsageRecorder(session, OURS).record(
                run_id=RunId(new_ulid()), orchestrator_id=BOT, calls=[call()], now=NOON
            )


async def test_rows_that_are_there_already_stay_as_they_are(office: Office) -> None:
    row = {
        "id": new_uuid(),
        "organization_id": OURS,
        "run_id": new_ulid(),
        "orchestrator_id": BOT,
        "provider": "openai",
        "model": "gpt",
        "day": TODAY,
        "input_tokens": 1,
        "output_tokens": 1,
        "llm_calls": 1,
        "created_at": NOON,
    }
    unique = ("run_id", "provider", "model")
    again = [row | {"id": new_uuid(), "llm_calls": 9}, row | {"id": new_uuid(), "model": "new"}]

    async with transaction(office.sessions, within(OURS)) as session:
        await add_once(session, UsageEntry, rows=[row], unique=unique)
        await add_once(session, UsageEntry, rows=again, unique=unique)
        found = await session.execute(select(UsageEntry.model, UsageEntry.llm_calls))

    assert sorted(map(tuple, found)) == [("gpt", 1), ("new", 1)]
