"""What stories about the repositories are made of.

Each calls one method as our organization, or as the platform for us; whatever is theirs must be
neither in the answer nor changed. The latter is looked at by whoever tells the stories.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cadence.kernel.ids import OrganizationId
from cadence.kernel.paging import PageRequest
from tests.security.tenant_rows import NOON
from tests.security.tenant_store import OURS

LATER = NOON + timedelta(days=1)
ALL = PageRequest(limit=100, after=None)


@dataclass(frozen=True, slots=True)
class Stage:
    """A session, and the repositories as a module has them: as they are, or as a mutant."""

    session: AsyncSession
    classes: Mapping[str, Any]

    def open(self, name: str, *more: Any) -> Any:
        """Return our organization's repository of that name."""
        return self.classes[name](self.session, OURS.id, *more)

    def open_for(self, name: str, owner: OrganizationId | None) -> Any:
        """Return another organization's repository, or the system's."""
        return self.classes[name](self.session, owner)

    def open_platform(self, name: str) -> Any:
        """Return a repository that stands above organizations."""
        return self.classes[name](self.session)


Tell = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Story:
    """One story; `needs_platform` when what it tells lies above organizations."""

    repository: str
    method: str
    tell: Tell
    needs_platform: bool


class Stories(list[Story]):
    """Collects stories."""

    def about(self, place: str, *, needs_platform: bool = False) -> Callable[[Tell], Tell]:
        """Add the decorated story about `Repository.method`."""
        repository, method = place.split(".")

        def add(tell: Tell) -> Tell:
            self.append(Story(repository, method, tell, needs_platform))
            return tell

        return add


def ids_of(rows: Any) -> set[Any]:
    """Return the ids of rows."""
    return {row.id for row in rows}
