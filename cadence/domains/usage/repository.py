"""What an organization's turns have used."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, TypeVarTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.usage.days import Days
from cadence.domains.usage.schemas import UsageQuery
from cadence.engine.spec import Provider
from cadence.infra.database.listing import (
    ChosenOrder,
    SortKey,
    by_uuid,
    narrowed,
    page_in_order,
    same,
)
from cadence.infra.database.once import add_once
from cadence.infra.database.tables import Orchestrator, UsageEntry
from cadence.kernel.ids import OrchestratorId, OrganizationId, RunId, new_uuid
from cadence.kernel.paging import Page

Columns = TypeVarTuple("Columns")

# The columns of the index that knows what was recorded before.
RECORDED = ("run_id", "provider", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What was used of one model."""

    provider: Provider
    model: str
    llm_calls: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedInRun:
    """What a run has used, model by model, and when it ended."""

    run_id: RunId
    orchestrator_id: OrchestratorId
    used: Sequence[Used]
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedByDay:
    """What all runs of a day, in UTC, have used of one model."""

    day: date
    used: Used


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedByOrchestrator(UsedByDay):
    """The same of one orchestrator's runs; one that is gone has no name."""

    orchestrator_id: UUID
    orchestrator_name: str | None
    runs: int


class UsageRepository:
    """Usage of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id
        self._is_own = UsageEntry.organization_id == organization_id

    async def add_once(self, run: UsedInRun) -> None:
        """Add what a run has used by one statement; of one recorded before nothing is added."""
        common = {
            "organization_id": self._organization_id,
            "run_id": run.run_id,
            "orchestrator_id": run.orchestrator_id,
            "day": run.ended_at.date(),
            "created_at": run.ended_at,
        }
        rows = [{"id": new_uuid(), **common, **asdict(used)} for used in run.used]
        await add_once(self._session, UsageEntry, rows=rows, unique=RECORDED)

    async def page(self, query: UsageQuery, days: Days) -> Page[UsedByOrchestrator]:
        """Return usage by day, orchestrator and model, newest day first."""
        by = (*_BY_MODEL, UsageEntry.orchestrator_id, Orchestrator.name)
        rows = (
            self._asked(select(*by, *_SUMS, func.count()), query, days)
            .outerjoin(
                Orchestrator,
                and_(
                    Orchestrator.id == UsageEntry.orchestrator_id,
                    Orchestrator.organization_id == self._organization_id,
                ),
            )
            .group_by(*by)
        )
        page = await page_in_order(
            self._session, rows, order=NEWEST_DAY_FIRST, request=query.request()
        )
        return page.map(_by_orchestrator)

    async def list_by_day(self, query: UsageQuery, days: Days) -> list[UsedByDay]:
        """Return usage by day and model over the whole range."""
        rows = self._asked(select(*_BY_MODEL, *_SUMS), query, days).group_by(*_BY_MODEL)
        found = await self._session.execute(rows)
        return [UsedByDay(day=day, used=_used(row)) for day, *row in found]

    async def count_runs(self, query: UsageQuery, days: Days) -> int:
        """Return how many runs there were, each counted once however many models it used."""
        runs = select(func.count(UsageEntry.run_id.distinct()))
        return await self._session.scalar(self._asked(runs, query, days)) or 0

    def _asked(self, rows: Select[*Columns], query: UsageQuery, days: Days) -> Select[*Columns]:
        return narrowed(
            rows.select_from(UsageEntry).where(self._is_own),
            UsageEntry.day.between(days.first, days.last),
            same(UsageEntry.orchestrator_id, query.instance_id),
            same(UsageEntry.model, query.model),
        )


def _by_orchestrator(row: Sequence[Any]) -> UsedByOrchestrator:
    day, provider, model, orchestrator_id, name, *sums, runs = row
    return UsedByOrchestrator(
        day=day,
        used=_used([provider, model, *sums]),
        orchestrator_id=orchestrator_id,
        orchestrator_name=name,
        runs=runs,
    )


def _used(row: Sequence[Any]) -> Used:
    provider, model, llm_calls, input_tokens, output_tokens = row
    return Used(
        provider=Provider(provider),
        model=model,
        llm_calls=llm_calls,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )


def _read_name(text: str) -> str:
    name = bytes.fromhex(text).decode()
    # PostgreSQL knows no text with a NUL.
    if "\x00" in name:
        raise ValueError("is no name of a model")
    return name


def _write_name(name: str) -> str:
    # A cursor's keys are parted by dots, which models have in their names.
    return name.encode().hex()


_BY_MODEL = (UsageEntry.day, UsageEntry.provider, UsageEntry.model)
_SUMS: tuple[ColumnElement[int], ...] = (
    func.sum(UsageEntry.llm_calls),
    func.sum(UsageEntry.input_tokens),
    func.sum(UsageEntry.output_tokens),
)
NEWEST_DAY_FIRST = ChosenOrder(
    (
        SortKey(UsageEntry.model, _write_name, _read_name),
        SortKey(UsageEntry.provider, str, lambda text: str(Provider(text))),
        by_uuid(UsageEntry.orchestrator_id),
        SortKey(UsageEntry.day, date.isoformat, date.fromisoformat),
    ),
    is_descending=True,
)
