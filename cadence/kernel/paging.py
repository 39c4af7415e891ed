"""Pages of a list, walked by a cursor that only the service can read."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from cadence.kernel.errors import FieldProblem, InvalidInput

Item = TypeVar("Item")
Shown = TypeVar("Shown")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


# Row numbers are 32-bit integers; a longer text is cut before it is read as a number.
LARGEST_NUMBER = 2**31 - 1
LONGEST_NUMBER = 11


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items, and after which key; `after` is the decoded cursor."""

    limit: int = DEFAULT_LIMIT
    after: str | None = None

    def after_id(self) -> UUID | None:
        """Return the id that the page starts after; raises `InvalidInput` for another cursor."""
        if self.after is None:
            return None
        try:
            return UUID(self.after)
        except ValueError:
            raise foreign_cursor() from None

    def after_number(self) -> int | None:
        """Return the number that the page starts after; raises `InvalidInput` as well."""
        if self.after is None:
            return None
        if not (self.after.isascii() and self.after.isdecimal()):
            raise foreign_cursor()
        number = int(self.after[:LONGEST_NUMBER])
        if number > LARGEST_NUMBER:
            raise foreign_cursor()
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """How many items of a list that can be sorted and filtered, and after which one.

    `after` is the cursor as the client sent it. `sort` names a sort key, `-` before it turns the
    order around, and None stands for the list's own order. `walk` tells this list, order and
    filters from all others: a cursor is of use only in the walk that it was made in.
    """

    limit: int = DEFAULT_LIMIT
    after: str | None = None
    sort: str | None = None
    walk: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items in order, and the cursor of the next page if there is one."""

    items: Sequence[Item]
    next: str | None

    def map(self, show: Callable[[Item], Shown]) -> "Page[Shown]":
        """Return the same page with every item turned into what a client sees."""
        return Page([show(item) for item in self.items], self.next)


def cut_page(rows: Sequence[Item], limit: int, *, key: Callable[[Item], str]) -> Page[Item]:
    """Make a page of at most `limit` rows out of a query that asked for one more."""
    if len(rows) <= limit:
        return Page(rows, None)
    kept = rows[:limit]
    return Page(kept, encode_cursor(key(kept[-1])))


def encode_cursor(key: str) -> str:
    """Turn a row's sort key into an opaque cursor."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Turn a cursor back into a sort key; raises `InvalidInput` for anything we did not make."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        raise foreign_cursor() from None


def encode_place(place: Sequence[str], *, walk: str) -> str:
    """Turn the keys of a row into an opaque cursor; only the last of them may have dots in it."""
    return encode_cursor(".".join([_mark(walk), *place]))


def decode_place(cursor: str, *, walk: str, size: int) -> list[str]:
    """Turn a cursor back into `size` keys; raises `InvalidInput` for one of another walk."""
    mark, *place = decode_cursor(cursor).split(".", size)
    if mark != _mark(walk) or len(place) != size:
        raise foreign_cursor()
    return place


def _mark(walk: str) -> str:
    # Tells walks apart and guards nothing: whatever a cursor says is read like any other input.
    return hashlib.sha256(walk.encode()).hexdigest()[:12]


def foreign_cursor() -> InvalidInput:
    """Build the error for a cursor that does not fit what is asked."""
    return InvalidInput.of(FieldProblem("after", "is not a cursor of this list"))
