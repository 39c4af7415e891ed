"""Telling an organization what its turns have used and cost."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cadence.domains.usage.days import Days, days_of
from cadence.domains.usage.prices import Prices
from cadence.domains.usage.repository import (
    UsageRepository,
    UsedByDay,
    UsedByOrchestrator,
)
from cadence.domains.usage.schemas import UsageByDay, UsageQuery, UsageReport, UsageTotals
from cadence.kernel.clock import Clock
from cadence.kernel.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the store has, before anything is priced."""

    days: Days
    page: Page[UsedByOrchestrator]
    daily: Sequence[UsedByDay]
    runs: int


class UsageService:
    """The usage of one organization."""

    def __init__(
        self, usage: UsageRepository, *, clock: Clock, open_prices: Callable[[], Prices]
    ) -> None:
        """`open_prices` may block: it is called in a thread."""
        self._usage = usage
        self._clock = clock
        self._open_prices = open_prices

    async def report(self, query: UsageQuery) -> UsageReport:
        """Return a page of usage and the totals of all; raises `InvalidInput`."""
        days = days_of(query, today=self._clock.now().date())
        found = _Found(
            days=days,
            page=await self._usage.page(query, days),
            daily=await self._usage.list_by_day(query, days),
            runs=await self._usage.count_runs(query, days),
        )
        return await asyncio.to_thread(self._priced, found)

    def _priced(self, found: _Found) -> UsageReport:
        prices = self._open_prices()
        shown = found.page.map(lambda used: _show(used, prices))
        return UsageReport(
            items=list(shown.items),
            next=shown.next,
            first_day=found.days.first,
            last_day=found.days.last,
            totals=_total(found, prices),
            price_source=prices.source,
        )


def _show(by_day: UsedByOrchestrator, prices: Prices) -> UsageByDay:
    used = by_day.used
    return UsageByDay(
        day=by_day.day,
        instance_id=by_day.orchestrator_id,
        instance_name=by_day.orchestrator_name,
        provider=used.provider,
        model=used.model,
        runs=by_day.runs,
        llm_calls=used.llm_calls,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cost_usd=_spelled(_cost(by_day, prices)),
    )


def _total(found: _Found, prices: Prices) -> UsageTotals:
    costs = [(each.used, _cost(each, prices)) for each in found.daily]
    known = [cost for _, cost in costs if cost is not None]
    return UsageTotals(
        runs=found.runs,
        llm_calls=sum(used.llm_calls for used, _ in costs),
        input_tokens=sum(used.input_tokens for used, _ in costs),
        output_tokens=sum(used.output_tokens for used, _ in costs),
        cost_usd=_spelled(sum(known, Decimal(0)) if known or not costs else None),
        unpriced_llm_calls=sum(used.llm_calls for used, cost in costs if cost is None),
    )


def _cost(by_day: UsedByDay, prices: Prices) -> Decimal | None:
    used = by_day.used
    rates = prices.find(used.provider, used.model, by_day.day)
    if rates is None:
        return None
    return rates.cost(
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        llm_calls=used.llm_calls,
    )


def _spelled(cost: Decimal | None) -> str | None:
    if cost is None:
        return None
    # Without an exponent, and without the zeros that a product leaves behind.
    return f"{cost.normalize():f}"
