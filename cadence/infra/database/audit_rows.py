"""What a flush does to the rows of audited tables, and the entries that tell of it."""

from collections.abc import Iterator, Mapping
from functools import cache
from uuid import UUID

from sqlalchemy import Table, inspect
from sqlalchemy.orm import Session

from cadence.infra.database.audit_change import show_change
from cadence.infra.database.audited import Audited, RowChange, Values
from cadence.infra.database.base import Base
from cadence.infra.database.reach import Reach
from cadence.infra.database.tables import AuditEntry, Organization, User
from cadence.kernel.actors import Actor
from cadence.kernel.ids import new_uuid, time_of

# The columns' sizes.
_LONGEST_NAME = 200
_LONGEST_ADDRESS = 64


@cache
def audited_tables() -> Mapping[str, Audited]:
    """Return how each audited table is told, by its name and in the order of the names."""
    tables = {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}
    audited = {
        table.name: row_type.__audit__
        for table, row_type in tables.items()
        if isinstance(table, Table) and _is_audited(row_type)
    }
    # The registry's own order differs from one process to the next.
    return dict(sorted(audited.items()))


def flushed_changes(session: Session, reach: Reach) -> Iterator[RowChange]:
    """Yield what a flush has just done; to be asked while the session still knows."""
    for row in filter(_is_audited, session.new):
        yield change_of(row, reach, before=None, after=_told(row))
    for row in filter(_is_audited, session.dirty):
        before, after = _changed(row)
        if after:
            yield change_of(row, reach, before=before, after=after)
    for row in filter(_is_audited, session.deleted):
        yield change_of(row, reach, before=_told(row), after=None)


def change_of(row: Base, reach: Reach, *, before: Values | None, after: Values | None) -> RowChange:
    """Return the change of an audited row; `reach` is whose it is when the row does not say."""
    audited, known = _declared(row), inspect(row).dict
    named = [str(known[column]) for column in audited.name if column in known]
    return RowChange(
        audited=audited,
        object_id=str(known[audited.id]),
        organization_id=_organization_of(row) or reach.organization_id,
        name=" ".join(named) or None,
        before=before,
        after=after,
    )


def entry_of(change: RowChange, actor: Actor, session: Session) -> AuditEntry:
    """Return the entry that tells of a change; the time is that of its id."""
    entry_id = new_uuid()
    name = change.name or _user_name(change, session)
    secret = change.audited.secret
    return AuditEntry(
        id=entry_id,
        organization_id=change.organization_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        address=actor.address[:_LONGEST_ADDRESS],
        request_id=actor.request_id,
        action=change.action,
        object_type=change.audited.object_type,
        object_id=change.object_id,
        object_name=None if name is None else name[:_LONGEST_NAME],
        change=show_change(change.before, change.after, secret=secret),
        created_at=time_of(entry_id),
    )


def _is_audited(row: object) -> bool:
    return hasattr(row, "__audit__")


def _declared(row: Base) -> Audited:
    audited: Audited = row.__audit__  # type: ignore[attr-defined]  # asked for by `_is_audited`
    return audited


def _organization_of(row: Base) -> UUID | None:
    column = "id" if isinstance(row, Organization) else "organization_id"
    owner: UUID | None = inspect(row).dict.get(column)
    return owner


def _user_name(change: RowChange, session: Session) -> str | None:
    if not change.audited.names_user:
        return None
    user = session.get(User, UUID(change.object_id))
    return None if user is None else user.username


def _told(row: Base) -> Values:
    known = inspect(row).dict
    return {column: known[column] for column in _told_columns(row) if column in known}


def _changed(row: Base) -> tuple[Values, Values]:
    state = inspect(row)
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for column in _told_columns(row):
        history = state.attrs[column].history
        if history.has_changes():
            # Empty when a value was set that nobody had read before.
            before.update((column, old) for old in history.deleted)
            after.update((column, new) for new in history.added)
    return before, after


def _told_columns(row: Base) -> Iterator[str]:
    return filter(_declared(row).tells, inspect(row).mapper.column_attrs.keys())
