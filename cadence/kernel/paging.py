"""Pages of a list, walked by a cursor that only the service can read."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cadence.kernel.errors import FieldProblem, InvalidInput

Item = TypeVar("Item")
Shown = TypeVar("Shown")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items, and after which key; `after` is the decoded cursor."""

    limit: int = DEFAULT_LIMIT
    after: str | None = None


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
        raise InvalidInput.of(FieldProblem("after", "is not a cursor of this list")) from None
