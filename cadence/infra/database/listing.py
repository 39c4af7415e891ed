"""Pages of rows in an order of the client's choice, cut by the last row's sort key and id.

A page starts after a place in the order and not after a number of rows. So rows that come or go
between two pages make nobody who stayed appear twice or not at all; only a row whose own sort key
changes meanwhile may do either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Generic, TypeVar, TypeVarTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from cadence.infra.database.folding import Folded
from cadence.kernel.paging import (
    LARGEST_NUMBER,
    LONGEST_NUMBER,
    ListRequest,
    Page,
    decode_place,
    encode_place,
    foreign_cursor,
)

Row = TypeVar("Row")
Value = TypeVar("Value")
Columns = TypeVarTuple("Columns")

DESCENDING = "-"


@dataclass(frozen=True, slots=True)
class SortKey(Generic[Value]):
    """Something to sort by that is never NULL, and how a cursor spells its values.

    `read` raises `ValueError` for what `write` does not make.
    """

    expression: SQLColumnExpression[Value]
    write: Callable[[Value], str]
    read: Callable[[str], Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a list may be sorted by, by the names that clients use; unsorted it follows its ids.

    `id` must be unique among the rows of the list: it decides between equal keys.
    """

    id: SortKey[Any]
    keys: Mapping[str, SortKey[Any]]
    is_descending: bool = False

    def choose(self, sort: str | None) -> "ChosenOrder":
        """Return the order by `sort`, which is one of the names with or without a `-`."""
        if sort is None:
            return ChosenOrder((self.id,), is_descending=self.is_descending)
        key = self.keys[sort.removeprefix(DESCENDING)]
        return ChosenOrder((self.id, key), is_descending=sort.startswith(DESCENDING))


@dataclass(frozen=True, slots=True)
class ChosenOrder:
    """One order; its keys begin with the id, as its cursors do, and count from the last."""

    keys: tuple[SortKey[Any], ...]
    is_descending: bool

    @property
    def expressions(self) -> list[SQLColumnExpression[Any]]:
        """What to sort by, the most significant first."""
        return [key.expression for key in reversed(self.keys)]

    def clauses(self) -> list[ColumnElement[Any]]:
        """Return how to sort."""
        if self.is_descending:
            return [expression.desc() for expression in self.expressions]
        return [expression.asc() for expression in self.expressions]

    def behind(self, place: Sequence[str]) -> ColumnElement[bool]:
        """Return which rows come after a place; raises `InvalidInput` for one of another list."""
        try:
            values = [key.read(text) for key, text in zip(self.keys, place, strict=True)]
        except ValueError:
            raise foreign_cursor() from None
        here = tuple_(*self.expressions)
        there = tuple(reversed(values))
        return here < there if self.is_descending else here > there

    def place_of(self, values: Sequence[Any]) -> list[str]:
        """Return the place of a row with these values of `expressions`."""
        pairs = zip(self.keys, reversed(values), strict=True)
        return [key.write(value) for key, value in pairs]


def by_uuid(column: InstrumentedAttribute[UUID]) -> SortKey[UUID]:
    """Sort by an id."""
    return SortKey(column, str, UUID)


def by_number(column: InstrumentedAttribute[int]) -> SortKey[int]:
    """Sort by a row's number."""
    return SortKey(column, str, _read_number)


def by_text(column: InstrumentedAttribute[str]) -> SortKey[str]:
    """Sort by a text, whatever its case."""
    return SortKey(Folded(column), str, _read_text)


def by_time(column: InstrumentedAttribute[datetime]) -> SortKey[datetime]:
    """Sort by a time."""
    return SortKey(column, datetime.isoformat, _read_time)


def same(column: InstrumentedAttribute[Any], value: object) -> ColumnElement[bool] | None:
    """Return whether the column has this value; None asks nothing."""
    return None if value is None else column == value


def narrowed(rows: Select[*Columns], *criteria: ColumnElement[bool] | None) -> Select[*Columns]:
    """Return only those of the rows that meet every criterion that is one."""
    return rows.where(*(criterion for criterion in criteria if criterion is not None))


async def page_entities(
    session: AsyncSession, rows: Select[Row], *, order: Order, request: ListRequest
) -> Page[Row]:
    """Return a page of rows of one table; raises as `page_rows` does."""
    page = await page_rows(session, rows, order=order, request=request)
    return page.map(itemgetter(0))


async def page_rows(
    session: AsyncSession,
    rows: Select[*Columns],
    *,
    order: Order,
    request: ListRequest,
) -> Page[tuple[*Columns]]:
    """Return a page of rows; raises `InvalidInput` for a cursor of another list, order or filter.

    The sort keys are read along with the rows: what the store has sorted by goes into the cursor.
    """
    chosen = order.choose(request.sort)
    return await page_in_order(session, rows, order=chosen, request=request)


async def page_in_order(
    session: AsyncSession,
    rows: Select[*Columns],
    *,
    order: ChosenOrder,
    request: ListRequest,
) -> Page[tuple[*Columns]]:
    """Return a page of rows of a list that has one order only; raises as `page_rows` does."""
    query: Select[Any] = rows.add_columns(*order.expressions)
    if request.after is not None:
        place = decode_place(request.after, walk=request.walk, size=len(order.keys))
        query = query.where(order.behind(place))
    limited = query.order_by(*order.clauses()).limit(request.limit + 1)
    found = [tuple(row) for row in await session.execute(limited)]
    shown, width = found[: request.limit], len(order.keys)
    items = [row[:-width] for row in shown]
    if len(found) == len(shown):
        return Page(items, None)
    last = order.place_of(shown[-1][-width:])
    return Page(items, encode_place(last, walk=request.walk))


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > LONGEST_NUMBER:
        raise ValueError("is no number of a row")
    number = int(text)
    if number > LARGEST_NUMBER:
        raise ValueError("is no number of a row")
    return number


def _read_text(text: str) -> str:
    # PostgreSQL knows no text with a NUL.
    if "\x00" in text:
        raise ValueError("is no text of a row")
    return text


def _read_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    # Any other offset could lie outside of the calendar once it is in UTC.
    if time.tzinfo != UTC or time.isoformat() != text:
        raise ValueError("is no time of a row")
    return time
