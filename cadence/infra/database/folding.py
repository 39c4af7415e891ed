"""Text compared without regard to case, the same way on every store.

Folded text is put in lower case and then in upper case, by Unicode's own rules: É equals é, ß
equals SS, and both of the Greek small sigmas are one. What becomes of a character does not depend
on its neighbours, so a part of a text folds to a part of the folded text. Accents count: e is not
é.

SQLite's own `lower` knows ASCII only, so the function comes from here; PostgreSQL uses ICU's root
collation, which every build of it has since version 16 unless left out on purpose. Folded texts
stand in the order of their code points on both.
"""

from typing import Any

from sqlalchemy import ColumnElement, FunctionElement, String, literal, or_
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler

TextColumn = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]

_SQLITE_NAME = "cadence_fold"
_ESCAPE = "/"


def fold(text: str) -> str:
    """Return the form in which texts that differ in case only are equal."""
    return text.lower().upper()


class Folded(FunctionElement[str]):
    """The same of a column or a bound text."""

    name = "folded"
    type = String()
    inherit_cache = True


@compiles(Folded, "sqlite")
def _fold_on_sqlite(element: Folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"{_SQLITE_NAME}({compiler.process(element.clauses, **options)})"


@compiles(Folded, "postgresql")
def _fold_on_postgresql(element: Folded, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return f'(upper(lower({text} COLLATE "und-x-icu")) COLLATE "C")'


def teach_sqlite_to_fold(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    """Give a new connection the function; to be called for each."""
    connection.create_function(_SQLITE_NAME, 1, _fold_or_none, deterministic=True)


def contains(search: str | None, *columns: TextColumn) -> ColumnElement[bool] | None:
    """Return whether one of the columns has `search` in it, whatever the case; None asks nothing.

    A column that is NULL has nothing in it; `%` and `_` stand for themselves.
    """
    if search is None:
        return None
    pattern = Folded(literal(f"%{_escaped(search)}%"))
    return or_(*(Folded(column).like(pattern, escape=_ESCAPE) for column in columns))


def _escaped(search: str) -> str:
    for special in (_ESCAPE, "%", "_"):
        search = search.replace(special, _ESCAPE + special)
    return search


def _fold_or_none(text: str | None) -> str | None:
    return None if text is None else fold(text)
