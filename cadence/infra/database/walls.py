"""Holds every session to its reach, on each store by its own means."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Insert, Select, Update, event, false, or_, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption
from typing_extensions import override

from cadence.infra.database.base import Base, Owned, OwnedOrShared
from cadence.infra.database.reach import NOWHERE, Reach

REACH = "cadence_reach"
ROLE = "cadence_app"
OWNER = "organization_id"
# What a connection notes of a transaction that was begun behind its wall: whose rows it reaches.
RAISED = "cadence_raised"
# The role that owns nothing, the organization, and whether there is a wall at all. `true` makes
# each last as long as the transaction, so a pooled connection remembers none of them.
_RAISE = (
    "SELECT set_config('role', {role}, true), set_config('app.organization_id', {owner}, true), "
    "set_config('app.reach', {reach}, true)"
)
_RAISE_BOUND = text(_RAISE.format(role=":role", owner=":owner", reach=":reach"))
# Whose session gets a connection just now, for whoever tries the connection.
_connecting: ContextVar[Reach | None] = ContextVar("connecting", default=None)


class OutsideReach(Exception):
    """Code of ours tried to write a row of another organization: a fault, never a client's."""

    def __init__(self, table: str) -> None:
        super().__init__(f"a row of {table} lies outside of the transaction's reach")


class WalledSession(Session):
    """A session whose statements find and change nothing outside of `info[REACH]`."""

    @property
    def reach(self) -> Reach:
        """Whose rows this session may touch; nobody's until it is said."""
        reach: Reach = self.info.get(REACH, NOWHERE)
        return reach

    @override
    def _connection_for_bind(self, *positional: Any, **named: Any) -> Connection:
        token = _connecting.set(self.reach)
        try:
            return super()._connection_for_bind(*positional, **named)
        finally:
            _connecting.reset(token)


def connecting() -> Reach | None:
    """Return the reach of the session that gets a connection just now; None outside of sessions."""
    return _connecting.get()


def raising(reach: Reach) -> str:
    """Return what raises the wall in PostgreSQL as one statement without parameters."""
    told = _told(reach).items()
    # No words of anybody's: a role of ours, an id, and one of two words.
    return _RAISE.format(**{name: f"'{value}'" for name, value in told})


def _told(reach: Reach) -> dict[str, str]:
    owner = reach.organization_id
    return {
        "role": ROLE,
        "owner": "" if owner is None else str(UUID(str(owner))),
        "reach": "platform" if reach.is_platform else "organization",
    }


def within_reach(session: AsyncSession, rows: Select[Any], table: type[Owned]) -> Select[Any]:
    """Narrow a query that becomes a value of a row to be added: no statement's criterion does."""
    reach: Reach = session.info.get(REACH, NOWHERE)
    return rows if reach.is_platform else rows.where(table.organization_id == reach.organization_id)


@event.listens_for(WalledSession, "after_begin")
def _tell_the_store(
    session: WalledSession, _transaction: SessionTransaction, connection: Connection
) -> None:
    if connection.dialect.name != "postgresql":
        return
    if connection.info.pop(RAISED, None) != session.reach:
        connection.execute(_RAISE_BOUND, _told(session.reach))


@event.listens_for(WalledSession, "do_orm_execute")
def _narrow_the_statement(state: ORMExecuteState) -> None:
    session = state.session
    # A refresh reads again what was found within reach before.
    if not isinstance(session, WalledSession) or session.reach.is_platform or state.is_column_load:
        return
    _require_narrowable(state)
    if session.get_bind().dialect.name == "sqlite":  # PostgreSQL does it itself
        criteria = _criteria(session.reach.organization_id, reads=state.is_select)
        state.statement = state.statement.options(*criteria)


def _require_narrowable(state: ORMExecuteState) -> None:
    """Leave to the flush, which knows every row, what no criterion can bound on SQLite.

    Those are rows to add, rows to change by a list of their keys, and rows to give away.
    """
    statement = state.statement
    if not isinstance(statement, Insert | Update) or OWNER not in statement.table.columns:
        return
    sets_owner = any(
        getattr(column, "key", column) == OWNER
        for column in statement._values or ()  # noqa: SLF001  # there is no other way to ask
    )
    if isinstance(statement, Insert) or state.is_executemany or sets_owner:
        raise OutsideReach(str(statement.table))


@event.listens_for(WalledSession, "before_flush")
def _refuse_foreign_rows(session: WalledSession, *_: object) -> None:
    reach = session.reach
    if reach.is_platform:
        return
    for row in (*session.new, *session.dirty, *session.deleted):
        is_tenants = isinstance(row, Owned | OwnedOrShared)
        if is_tenants and (
            row.organization_id is None or row.organization_id != reach.organization_id
        ):
            raise OutsideReach(row.__tablename__)


@lru_cache(maxsize=1024)
def _criteria(owner: UUID | None, *, reads: bool) -> tuple[ExecutableOption, ...]:
    """Return a criterion for each table that has an organization."""
    tables = [mapper.class_ for mapper in Base.registry.mappers]
    return tuple(
        with_loader_criteria(table, _criterion(table, owner, reads=reads), include_aliases=True)
        for table in tables
        if issubclass(table, Owned | OwnedOrShared)
    )


def _criterion(
    table: type[Owned | OwnedOrShared], owner: UUID | None, *, reads: bool
) -> Callable[[type[Owned | OwnedOrShared]], ColumnElement[bool]]:
    # A function of the entity, since a finished expression names the table itself: joined to an
    # alias of it, the table would be narrowed twice and the alias not at all.
    reads_shared = reads and issubclass(table, OwnedOrShared)
    if owner is None:
        return _shared if reads_shared else _nothing
    if reads_shared:
        return lambda rows: or_(rows.organization_id.is_(None), rows.organization_id == owner)
    return lambda rows: rows.organization_id == owner


def _shared(rows: type[Owned | OwnedOrShared]) -> ColumnElement[bool]:
    return rows.organization_id.is_(None)


def _nothing(_: type[Owned | OwnedOrShared]) -> ColumnElement[bool]:
    return false()
