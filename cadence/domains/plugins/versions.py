"""Which of a plugin's versions is the newest."""

from collections.abc import Iterable
from uuid import UUID


def sort_key(version: str) -> tuple[int, int, int]:
    """Return `1.2` and `1.2.0` as (1, 2, 0); the manifest's check has seen to the form."""
    major, minor, patch = [*version.split("."), "0"][:3]
    return int(major), int(minor), int(patch)


def latest(rows: Iterable[tuple[UUID, str]]) -> UUID | None:
    """Return the id of the highest version; of `1.2` and `1.2.0`, the one uploaded last."""
    newest = max(rows, key=lambda row: (sort_key(row[1]), row[0]), default=None)
    return newest[0] if newest else None
