"""Which days are asked for."""

from dataclasses import dataclass
from datetime import date, timedelta

from cadence.domains.usage.schemas import UsageQuery
from cadence.kernel.errors import FieldProblem, InvalidInput

DEFAULT_DAYS = 30
# A leap year.
MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days in UTC, both ends included."""

    first: date
    last: date


def days_of(query: UsageQuery, *, today: date) -> Days:
    """Return the days that a query is about; raises `InvalidInput` for too many or none."""
    last = query.last_day or today
    first = query.first_day or _days_before(last, DEFAULT_DAYS - 1)
    if last < first:
        place = "from" if query.last_day is None else "to"
        words = "must not be after today" if query.last_day is None else "must not be before from"
        raise InvalidInput.of(FieldProblem(place, words))
    if last - first >= timedelta(days=MOST_DAYS):
        raise InvalidInput.of(
            FieldProblem("from", f"must be less than {MOST_DAYS} days before the last day")
        )
    return Days(first, last)


def _days_before(day: date, days: int) -> date:
    # The calendar begins with the year 1.
    return date.fromordinal(max(day.toordinal() - days, 1))
