"""Whose rows a transaction may touch: the second wall behind the repositories' own filters."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One organization's rows, or every organization's; rows of no organization are all's to read.

    The store itself holds to it: row-level security on PostgreSQL, a criterion on every ORM
    statement on SQLite.
    """

    organization_id: UUID | None
    is_platform: bool


PLATFORM = Reach(organization_id=None, is_platform=True)
NOWHERE = Reach(organization_id=None, is_platform=False)


def within(organization_id: UUID) -> Reach:
    """Return the reach of one organization."""
    return Reach(organization_id=organization_id, is_platform=False)
