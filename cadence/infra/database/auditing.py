"""Tells the audit trail of every change, in the transaction that makes it.

It is the session that notices, at each flush, so that no service can forget; the entries are
written just before the commit, one for each object, and go when the transaction is rolled back.
Statements that change many rows pass by every flush: on an audited table they are refused unless
they say by `UNTOLD` that there is nothing to tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Delete, Insert, Update, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, UOWTransaction

from cadence.infra.database.audit_rows import (
    audited_tables,
    change_of,
    entry_of,
    flushed_changes,
)
from cadence.infra.database.audited import RowChange, merged
from cadence.infra.database.base import Base
from cadence.infra.database.reach import NOWHERE, Reach
from cadence.infra.database.tables import AuditEntry
from cadence.infra.database.walls import REACH, WalledSession
from cadence.kernel.actors import Actor

ACTOR = "cadence_actor"
# For `statement.execution_options(**UNTOLD)`.
UNTOLD: Mapping[str, bool] = {"cadence_untold": True}
_TRAIL = "cadence_trail"


class UntoldChange(Exception):
    """Code of ours tried to change something past the audit trail: a fault, never a client's."""


class AuditedSession(WalledSession):
    """A session whose commits tell the audit trail what `info[ACTOR]` has done."""


@dataclass(slots=True)
class _Trail:
    """What a transaction has done so far, and how much that was where each savepoint began."""

    changes: list[RowChange] = field(default_factory=list)
    marks: dict[SessionTransaction, int] = field(default_factory=dict)
    is_untold: bool = False


def tell(session: AsyncSession, row: Base, column: str, *, before: object, after: object) -> None:
    """Add to what is told of an audited row something that is kept in another table."""
    inner = session.sync_session
    change = change_of(row, _reach(inner), before={column: before}, after={column: after})
    _trail(inner).changes.append(change)


def leave_untold(session: AsyncSession) -> None:
    """Tell nothing of this transaction, which must not change what anything says or does.

    To seal the same secret with another key is such a change.
    """
    _trail(session.sync_session).is_untold = True


@event.listens_for(AuditedSession, "after_transaction_create")
def _begin(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        trail = _trail(session)
        trail.marks[transaction] = len(trail.changes)
    elif transaction.parent is None:
        session.info[_TRAIL] = _Trail()


@event.listens_for(AuditedSession, "after_flush")
def _note_changes(session: Session, _context: UOWTransaction) -> None:
    trail = _trail(session)
    if trail.is_untold:
        return
    changes = list(flushed_changes(session, _reach(session)))
    if changes:
        _require_actor(session, changes[0])
    trail.changes += changes


@event.listens_for(AuditedSession, "after_soft_rollback")
def _forget(session: Session, undone: SessionTransaction) -> None:
    # A flush that fails undoes all that is inside of the nearest savepoint.
    trail, around = _trail(session), undone
    while around not in trail.marks and around.parent is not None:
        around = around.parent
    del trail.changes[trail.marks.get(around, 0) :]


@event.listens_for(AuditedSession, "before_commit")
def _write_entries(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    trail = _trail(session)
    changes, trail.changes = merged(trail.changes), []
    session.add_all(
        entry_of(change, _require_actor(session, change), session) for change in changes
    )


@event.listens_for(AuditedSession, "before_flush")
def _keep_entries(session: Session, *_: object) -> None:
    if any(isinstance(row, AuditEntry) for row in (*session.dirty, *session.deleted)):
        raise UntoldChange("an entry of the audit trail stays as it is")


@event.listens_for(AuditedSession, "do_orm_execute")
def _refuse_untold_statements(state: ORMExecuteState) -> None:
    statement = state.statement
    if not isinstance(statement, Insert | Update | Delete):
        return
    table = str(getattr(statement.table, "name", ""))
    if table == AuditEntry.__tablename__:
        raise UntoldChange("entries of the audit trail are written by the session alone")
    if table in audited_tables() and not UNTOLD.items() <= state.execution_options.items():
        raise UntoldChange(f"a statement changes {table} past the audit trail")


def _trail(session: Session) -> _Trail:
    trail: _Trail = session.info.setdefault(_TRAIL, _Trail())
    return trail


def _reach(session: Session) -> Reach:
    reach: Reach = session.info.get(REACH, NOWHERE)
    return reach


def _require_actor(session: Session, change: RowChange) -> Actor:
    actor: Actor | None = session.info.get(ACTOR)
    if actor is None:
        raise UntoldChange(f"{change.action} needs somebody who does it")
    return actor
