"""Which days a query is about."""

from datetime import date

import pytest

from cadence.domains.usage.days import Days, days_of
from cadence.domains.usage.schemas import UsageQuery
from cadence.kernel.errors import InvalidInput

TODAY = date(2026, 11, 20)


def query(first: str | None, last: str | None) -> UsageQuery:
    given = {"from": first, "to": last}
    return UsageQuery.model_validate({name: day for name, day in given.items() if day})


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (None, None, Days(date(2026, 10, 22), TODAY)),
        ("2026-11-20", None, Days(TODAY, TODAY)),
        ("2026-11-01", "2026-11-01", Days(date(2026, 11, 1), date(2026, 11, 1))),
        (None, "2026-01-30", Days(date(2026, 1, 1), date(2026, 1, 30))),
        ("2024-01-01", "2024-12-31", Days(date(2024, 1, 1), date(2024, 12, 31))),
        (None, "0001-01-02", Days(date(1, 1, 1), date(1, 1, 2))),
        ("2026-12-01", "2026-12-02", Days(date(2026, 12, 1), date(2026, 12, 2))),
    ],
)
def test_both_ends_are_in_it_and_thirty_days_are_usual(
    first: str | None, last: str | None, *, days: Days
) -> None:
    assert days_of(query(first, last), today=TODAY) == days


@pytest.mark.parametrize(
    ("first", "last", "path"),
    [
        ("2026-11-20", "2026-11-19", "to"),
        ("2026-11-21", None, "from"),
        ("2024-01-01", "2025-01-01", "from"),
        ("2025-01-01", None, "from"),
        ("0001-01-01", "9999-12-31", "from"),
    ],
)
def test_a_range_that_is_none_or_too_long_is_refused(
    first: str, last: str | None, *, path: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        days_of(query(first, last), today=TODAY)

    assert [problem.path for problem in caught.value.fields] == [path]
