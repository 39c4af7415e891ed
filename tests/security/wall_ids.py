"""What may stand where an id is asked for: a foreign one, an unknown one, and what is no id."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from cadence.kernel.ids import new_ulid, new_uuid
from tests.security.wall_policy import PUBLIC, Id
from tests.security.wall_scene import Belongings

NUMBERS = frozenset({Id.LLM_CONFIG})
ULIDS = frozenset({Id.RUN, Id.SESSION})
# No organization will ever have as many.
UNKNOWN_NUMBER = 2_000_000_000
TELLING = frozenset(
    {
        "foreign",
        "in the other case",
        "with a zero",
        "unknown",
        "no id",
        "one up",
        "NUL",
        "very long",
    }
)


class Sort(StrEnum):
    """How an id is wrong."""

    FOREIGN = "foreign"
    UNKNOWN = "unknown"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong id; for a path it is quoted already.

    `means` is the foreign id that it may be read as.
    """

    sort: Sort
    name: str
    value: object
    means: str = ""

    @property
    def is_telling(self) -> bool:
        """Whether even somebody who is refused whatever they send tries it."""
        return self.name in TELLING


def foreign(kind: Id, theirs: Belongings) -> str | int:
    """Return the id of something that is theirs."""
    # The system's catalog does not hold what an organization has uploaded.
    return theirs.ids[Id.PLUGIN if kind is Id.SYSTEM_PLUGIN else kind]


def unknown(kind: Id) -> str | int:
    """Return an id that nothing has, of the very form that a right one has."""
    if kind in NUMBERS:
        return UNKNOWN_NUMBER
    if kind in PUBLIC:
        return f"unknown_{secrets.token_hex(4)}"
    return new_ulid() if kind in ULIDS else str(new_uuid())


def wrong_in_path(kind: Id, theirs: Belongings) -> Iterator[Wrong]:
    """Yield what can be wrong with an id in a path, or with one that narrows a list."""
    known = str(foreign(kind, theirs))
    if kind not in PUBLIC:
        for name, text in _spellings(known):
            yield Wrong(Sort.FOREIGN, name, quote(text, safe=""), known)
    yield Wrong(Sort.UNKNOWN, "unknown", str(unknown(kind)))
    for name, raw in _MALFORMED_IN_PATH.items():
        yield Wrong(Sort.MALFORMED, name, raw.replace("{id}", known), known)


def wrong_in_body(kind: Id, theirs: Belongings) -> Iterator[Wrong]:
    """Yield what can be wrong with an id in a body."""
    known = foreign(kind, theirs)
    yield Wrong(Sort.FOREIGN, "foreign", known, str(known))
    for name, text in _spellings(str(known))[1:]:
        yield Wrong(Sort.FOREIGN, name, text, str(known))
    yield Wrong(Sort.UNKNOWN, "unknown", unknown(kind))
    for name, value in _MALFORMED_IN_BODY.items():
        yield Wrong(Sort.MALFORMED, name, value)


def _spellings(text: str) -> list[tuple[str, str]]:
    """Return the ways to write an id; none may open what the usual one, the first, does not."""
    if text.isdecimal():
        return [("foreign", text), ("with a zero", f"0{text}"), ("with a sign", f"+{text}")]
    return [
        ("foreign", text),
        ("in the other case", text.swapcase()),
        ("without hyphens", text.replace("-", "")),
        ("in braces", f"{{{text}}}"),
        ("as a URN", f"urn:uuid:{text}"),
    ]


_MALFORMED_IN_PATH = {
    "no id": "no-id",
    "one up": "..%2f",
    "to the admins": "..%2F..%2Fadmin",
    "dots": "%2e%2e",
    "NUL": "%00",
    "NUL after it": "{id}%00",
    "a blank after it": "{id}%20",
    "no UTF-8": "%ff%fe",
    "half of a condition": "{id}%27%20OR%20%271%27=%271",
    "a wildcard": "%25",
    "other digits": "%D9%A3",
    "minus one": "-1",
    "64 bits and one": str(2**64),
    "very long": "a" * 4000,
}
_MALFORMED_IN_BODY: dict[str, object] = {
    "no id": "no-id",
    "empty": "",
    "one up": "../",
    "NUL": "\x00",
    "very long": "a" * 4000,
    "half of a condition": "' OR '1'='1",
    "minus one": -1,
    "one and a half": 1.5,
    "more than a row's number": 2**40,
    "true": True,
    "a list": [1],
    "an object": {"$ne": 1},
}
