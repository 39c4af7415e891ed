"""Lists are sorted, searched and walked alike on each store, whatever comes or goes meanwhile."""

import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from cadence.infra.database.base import Base
from cadence.infra.database.engine import open_database
from cadence.infra.database.folding import Folded, contains, fold
from cadence.infra.database.listing import (
    Order,
    by_number,
    by_text,
    by_time,
    by_uuid,
    narrowed,
    page_entities,
    page_rows,
    same,
)
from cadence.kernel.errors import InvalidInput
from cadence.kernel.paging import ListRequest, Page, encode_cursor, encode_place

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
# Letters that fold in ways of their own, and all that LIKE could take for something else.
LETTERS = "aAbB\u00e9\u00c9\u00df\u1e9esS\u0130i\u0131I\u03c3\u03c2\u03a3\U00010428_%/ \\'"


class OwnBase(DeclarativeBase):
    type_annotation_map = Base.type_annotation_map


class Book(OwnBase):
    __tablename__ = "books"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    note: Mapped[str | None]
    shelf: Mapped[int]
    bought_at: Mapped[datetime]


OLDEST_FIRST = Order(
    id=by_uuid(Book.id), keys={"name": by_text(Book.name), "bought_at": by_time(Book.bought_at)}
)
NEWEST_FIRST = Order(id=OLDEST_FIRST.id, keys=OLDEST_FIRST.keys, is_descending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A book as the model of the test keeps it."""

    id: UUID
    name: str
    note: str | None = None
    shelf: int = 1
    bought_at: datetime = NOON

    def row(self) -> dict[str, Any]:
        return {field: getattr(self, field) for field in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client wants to see."""

    sort: str | None = None
    search: str | None = None
    shelf: int | None = None
    order: Order = OLDEST_FIRST

    def wants(self, volume: Volume) -> bool:
        texts = [fold(text) for text in (volume.name, volume.note) if text is not None]
        is_found = self.search is None or any(fold(self.search) in text for text in texts)
        return is_found and self.shelf in (None, volume.shelf)

    def place(self, volume: Volume) -> tuple[Any, ...]:
        match (self.sort or "").removeprefix("-"):
            case "name":
                return (fold(volume.name), volume.id)
            case "bought_at":
                return (volume.bought_at, volume.id)
            case _:
                return (volume.id,)

    @property
    def is_descending(self) -> bool:
        return self.order.is_descending if self.sort is None else self.sort.startswith("-")

    def walk(self) -> str:
        return f"books {self.sort} {self.search} {self.shelf}"


class Library:
    """One table in one store."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def add(self, *volumes: Volume) -> None:
        async with self.engine.begin() as connection:
            for volume in volumes:
                await connection.execute(insert(Book).values(volume.row()))

    async def lose(self, *volumes: Volume) -> None:
        async with self.engine.begin() as connection:
            ids = [volume.id for volume in volumes]
            await connection.execute(delete(Book).where(Book.id.in_(ids)))

    async def clear(self) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(delete(Book))

    async def page(self, wish: Wish, *, limit: int = 50, after: str | None = None) -> Page[UUID]:
        rows = narrowed(
            select(Book), contains(wish.search, Book.name, Book.note), same(Book.shelf, wish.shelf)
        )
        request = ListRequest(limit=limit, after=after, sort=wish.sort, walk=wish.walk())
        async with AsyncSession(self.engine) as session:
            page = await page_entities(session, rows, order=wish.order, request=request)
        return page.map(lambda book: book.id)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def library(store_url: str) -> AsyncIterator[Library]:
    async with open_database(store_url, pool_size=1) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(OwnBase.metadata.create_all)
        yield Library(engine)


def _ids(*names: str) -> list[Volume]:
    return [Volume(id=UUID(int=number), name=name) for number, name in enumerate(names, 1)]


names = st.text(LETTERS, max_size=3)
volumes = st.builds(
    Volume,
    id=st.uuids(),
    name=names,
    note=st.none() | names,
    shelf=st.integers(1, 2),
    # A few moments, whole seconds among them, so that many books were bought at once.
    bought_at=st.sampled_from([NOON + timedelta(microseconds=250_000 * each) for each in range(6)]),
)
wishes = st.builds(
    Wish,
    sort=st.sampled_from([None, "name", "-name", "bought_at", "-bought_at"]),
    search=st.none() | st.text(LETTERS, min_size=1, max_size=2),
    shelf=st.none() | st.integers(1, 2),
    order=st.sampled_from([OLDEST_FIRST, NEWEST_FIRST]),
)


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What happens between two pages: so many books come, and these of those that stand go."""

    coming: int
    going: list[int]


meanwhile = st.builds(
    Meanwhile, coming=st.integers(0, 3), going=st.lists(st.integers(0, 30), max_size=2)
)


# One library serves all examples, each of which begins by emptying it.
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    stock=st.lists(volumes, max_size=24, unique_by=lambda volume: volume.id),
    at_first=st.integers(0, 24),
    changes=st.lists(meanwhile, max_size=12),
    wish=wishes,
    limit=st.integers(1, 4),
)
async def test_a_walk_shows_each_book_once_and_misses_none_that_stayed(
    library: Library,
    *,
    stock: list[Volume],
    at_first: int,
    changes: list[Meanwhile],
    wish: Wish,
    limit: int,
) -> None:
    await library.clear()
    standing, waiting = stock[:at_first], stock[at_first:]
    await library.add(*standing)
    stayed, pending = set(standing), list(changes)
    seen: list[UUID] = []
    last: tuple[Any, ...] | None = None
    cursor: str | None = None
    while True:
        page = await library.page(wish, limit=limit, after=cursor)
        expected = _model_page(standing, wish, last, limit=limit)
        assert list(page.items) == [volume.id for volume in expected]
        seen += page.items
        if page.next is None:
            break
        cursor, last = page.next, wish.place(expected[-1])
        if pending:
            change = pending.pop()
            gone = [volume for place, volume in enumerate(standing) if place in change.going]
            come, waiting = waiting[: change.coming], waiting[change.coming :]
            await library.lose(*gone)
            await library.add(*come)
            standing = [volume for volume in standing if volume not in gone] + come
            stayed -= set(gone)

    assert len(set(seen)) == len(seen)
    assert {volume.id for volume in stayed if wish.wants(volume)} <= set(seen)


def _model_page(
    standing: list[Volume], wish: Wish, last: tuple[Any, ...] | None, *, limit: int
) -> list[Volume]:
    wanted = sorted(filter(wish.wants, standing), key=wish.place, reverse=wish.is_descending)
    if last is None:
        return wanted[:limit]
    if wish.is_descending:
        return [volume for volume in wanted if wish.place(volume) < last][:limit]
    return [volume for volume in wanted if wish.place(volume) > last][:limit]


async def test_texts_are_sorted_without_regard_to_case(library: Library) -> None:
    books = _ids("b", "A", "a", "B", "\u00e9t\u00e9", "z", "\u00c9T\u00c9")
    await library.add(*books)

    page = await library.page(Wish(sort="name"))

    by_id = {book.id: book.name for book in books}
    assert " ".join(by_id[each] for each in page.items) == ("A a b B z \u00e9t\u00e9 \u00c9T\u00c9")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        pytest.param("STRASSE", {1}, id="sharp s"),
        pytest.param("stra\u1e9ee", {1}, id="capital sharp s"),
        pytest.param("\u00c9t", {2}, id="accents count and case does not"),
        pytest.param("et", set(), id="no accent is another letter"),
        pytest.param("\u03a3\u03bf\u03c3", {3}, id="final sigma"),
        pytest.param("100%", {4}, id="percent is itself"),
        pytest.param("a_b", {5}, id="underscore is itself"),
        pytest.param("/", {6}, id="the escape is itself"),
        pytest.param("hidden", {7}, id="in another column"),
        pytest.param("%", {4}, id="no wildcard"),
    ],
)
async def test_a_search_finds_what_people_would_call_the_same(
    library: Library, search: str, found: set[int]
) -> None:
    greek = "\u03c3\u03bf\u03c2 \u03c3\u03bf\u03c2"
    await library.add(
        *_ids("Hauptstra\u00dfe", "\u00e9t\u00e9", greek, "100% sure", "a_b", "a/b axb"),
        Volume(id=UUID(int=7), name="plain", note="Hidden"),
    )

    page = await library.page(Wish(search=search))

    assert {each.int for each in page.items} == found


async def test_every_character_folds_alike_in_the_store_and_here(postgres_url: str) -> None:
    beyond_all_letters_with_case = 0x1F000
    number = func.generate_series(1, beyond_all_letters_with_case).column_valued("number")
    query = select(number, Folded(func.chr(number))).where(~number.between(0xD800, 0xDFFF))
    async with open_database(postgres_url, pool_size=1) as engine, engine.connect() as connection:
        folded = {chr(code): text for code, text in await connection.execute(query)}

    # Characters younger than this Python's tables may be known to one side only.
    known = {char for char in folded if unicodedata.category(char) != "Cn"}
    assert {char for char in known if folded[char] != fold(char)} == set()


@given(text=st.text(), first=st.integers(0, 20), last=st.integers(0, 20))
def test_a_part_folds_to_a_part(text: str, first: int, last: int) -> None:
    assert fold(text[first:last]) in fold(text)


async def test_the_number_of_items_may_change_on_the_way(library: Library) -> None:
    books = _ids("a", "b", "c", "d")
    await library.add(*books)

    first = await library.page(Wish(), limit=1)
    rest = await library.page(Wish(), limit=50, after=first.next)

    assert [*first.items, *rest.items] == [book.id for book in books]
    assert rest.next is None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Wish(sort="-name"), id="other direction"),
        pytest.param(Wish(sort="bought_at"), id="other key"),
        pytest.param(Wish(), id="own order"),
        pytest.param(Wish(sort="name", shelf=1), id="filtered"),
        pytest.param(Wish(sort="name", search="a"), id="searched"),
    ],
)
async def test_a_cursor_of_another_walk_is_refused(library: Library, other: Wish) -> None:
    await library.add(*_ids("a", "b"))
    cursor = (await library.page(Wish(sort="name"), limit=1)).next

    with pytest.raises(InvalidInput) as refused:
        await library.page(other, after=cursor)

    assert [field.path for field in refused.value.fields] == ["after"]


ID = str(UUID(int=1))


@pytest.mark.parametrize(
    ("sort", "place"),
    [
        ("name", [ID, "nul \x00 inside"]),
        ("name", ["1", "a"]),
        ("name", ["a"]),
        ("bought_at", [ID, "noon"]),
        ("bought_at", [ID, "2026-11-20T12:00:00"]),
        ("bought_at", [ID, "2026-11-20T12:00:00Z"]),
        ("bought_at", [ID, "0001-01-01T00:00:00+23:00"]),
        ("bought_at", [ID, "9999-12-31T23:00:00-23:00"]),
        (None, ["1"]),
        (None, [""]),
        (None, []),
    ],
)
async def test_a_made_up_cursor_is_refused(
    library: Library, sort: str | None, place: list[str]
) -> None:
    wish = Wish(sort=sort)

    with pytest.raises(InvalidInput) as refused:
        await library.page(wish, after=encode_place(place, walk=wish.walk()))

    assert [field.path for field in refused.value.fields] == ["after"]


@pytest.mark.parametrize("after", ["", "!!", "%00", "\ud800", "é", encode_cursor(ID)])
async def test_what_is_no_cursor_is_refused(library: Library, after: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await library.page(Wish(), after=after)

    assert [field.path for field in refused.value.fields] == ["after"]


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+00:00"])
async def test_the_ends_of_the_calendar_are_places_like_others(library: Library, text: str) -> None:
    await library.add(*_ids("a"))
    wish = Wish(sort="bought_at")

    page = await library.page(wish, after=encode_place([ID, text], walk=wish.walk()))

    assert len(page.items) == (1 if text.startswith("0001") else 0)


BY_SHELF = Order(id=by_number(Book.shelf), keys={})


async def test_rows_of_several_columns_come_whole_and_ids_may_be_numbers(library: Library) -> None:
    await library.add(
        Volume(id=UUID(int=2), name="b", shelf=9), Volume(id=UUID(int=1), name="a", shelf=10)
    )
    rows = select(Book, Book.name)
    request = ListRequest(limit=1, walk="shelves")

    async with AsyncSession(library.engine) as session:
        first = await page_rows(session, rows, order=BY_SHELF, request=request)
        following = ListRequest(after=first.next, walk="shelves")
        second = await page_rows(session, rows, order=BY_SHELF, request=following)

    assert [(book.shelf, name) for book, name in first.items] == [(9, "b")]
    assert [(book.shelf, name) for book, name in second.items] == [(10, "a")]
    assert second.next is None


@pytest.mark.parametrize("place", ["", "x", "-1", "1e3", "\u0663", "9" * 30, "2147483648"])
async def test_what_is_no_number_of_a_row_is_refused(library: Library, place: str) -> None:
    request = ListRequest(after=encode_place([place], walk="shelves"), walk="shelves")

    async with AsyncSession(library.engine) as session:
        with pytest.raises(InvalidInput):
            await page_rows(session, select(Book), order=BY_SHELF, request=request)
