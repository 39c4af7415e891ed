"""How a table's changes are told: as what object, by what verb, and which columns are secret."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

CREATE, CHANGE, REMOVE = "create", "change", "remove"
# What an entry says by itself, and when something was done and by whom.
_NEVER_TOLD = frozenset(
    {"id", "organization_id", "created_at", "created_by", "updated_at", "updated_by"}
)

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What a table declares as `__audit__`; every column that it does not name here is told.

    `verbs` are for changes that say more than `change` would: by column, a verb for any new value
    or one for each. The first that fits is taken. `untold` columns follow from others.
    """

    object_type: str
    id: str = "id"
    name: tuple[str, ...] = ("name",)
    # Whether the id is a user's, and the object is called by that user's name.
    names_user: bool = False
    untold: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    verbs: Mapping[str, str | Mapping[object, str]] = field(default_factory=dict)

    def tells(self, column: str) -> bool:
        """Whether a change of this column is worth an entry."""
        return column != self.id and column not in _NEVER_TOLD | self.untold

    def actions(self) -> Iterator[str]:
        """Yield every action that an entry about this table can have."""
        yield from (f"{self.object_type}.{verb}" for verb in (CREATE, CHANGE, REMOVE))
        for spoken in self.verbs.values():
            verbs = [spoken] if isinstance(spoken, str) else spoken.values()
            yield from (f"{self.object_type}.{verb}" for verb in verbs)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """What became of a row: no `before` when it was created, no `after` when it was removed.

    Both hold what is told and nothing else; of a changed row, only what has changed.
    """

    audited: Audited
    object_id: str
    organization_id: UUID | None
    name: str | None
    before: Values | None
    after: Values | None

    @property
    def action(self) -> str:
        """What was done, as `<object>.<verb>`."""
        return f"{self.audited.object_type}.{self._verb()}"

    def _verb(self) -> str:
        if self.before is None:
            return CREATE
        if self.after is None:
            return REMOVE
        fitting = (
            spoken if isinstance(spoken, str) else spoken.get(self.after[column])
            for column, spoken in self.audited.verbs.items()
            if column in self.after
        )
        return next((verb for verb in fitting if verb is not None), CHANGE)


def merged(changes: Iterable[RowChange]) -> list[RowChange]:
    """Return one change for each object, of all that one transaction did to it.

    What came to nothing is left out.
    """
    found: dict[tuple[str, str, UUID | None], RowChange] = {}
    for change in changes:
        place = (change.audited.object_type, change.object_id, change.organization_id)
        found[place] = _after(found[place], change) if place in found else change
    return [change for change in map(_without_equals, found.values()) if _says_something(change)]


def _after(first: RowChange, then: RowChange) -> RowChange:
    return RowChange(
        audited=first.audited,
        object_id=first.object_id,
        organization_id=first.organization_id,
        name=then.name or first.name,
        before=None if first.before is None else {**(then.before or {}), **first.before},
        after=None if then.after is None else {**(first.after or {}), **then.after},
    )


def _without_equals(change: RowChange) -> RowChange:
    before, after = change.before, change.after
    if before is None or after is None:
        return change
    told = [key for key in after if key not in before or before[key] != after[key]]
    return RowChange(
        audited=change.audited,
        object_id=change.object_id,
        organization_id=change.organization_id,
        name=change.name,
        before={key: before[key] for key in told if key in before},
        after={key: after[key] for key in told},
    )


def _says_something(change: RowChange) -> bool:
    if change.before is None or change.after is None:
        return change.before is not change.after
    return bool(change.after)
