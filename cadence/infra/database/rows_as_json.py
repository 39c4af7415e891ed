"""Many rows as one value, so that one statement can read several tables at once."""

from typing import Any

from sqlalchemy import JSON, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class rows_as_json(GenericFunction[list[list[Any]]]):  # noqa: N801  # a function of SQL
    """A list of all rows, each a list of these columns; None or nothing when there are no rows.

    The order of the rows is not promised. A JSON column's value comes as what it says.
    """

    type = JSON()
    inherit_cache = True


@compiles(rows_as_json, "postgresql")
def _on_postgresql(element: rows_as_json, compiler: SQLCompiler, **more: Any) -> str:
    columns = ", ".join(compiler.process(column, **more) for column in element.clauses)
    return f"json_agg(json_build_array({columns}))"


@compiles(rows_as_json, "sqlite")
def _on_sqlite(element: rows_as_json, compiler: SQLCompiler, **more: Any) -> str:
    columns = ", ".join(_value(column, compiler, **more) for column in element.clauses)
    return f"json_group_array(json_array({columns}))"


def _value(column: ColumnElement[Any], compiler: SQLCompiler, **more: Any) -> str:
    text = compiler.process(column, **more)
    # SQLite keeps JSON as text, which would become a JSON string.
    return f"json({text})" if isinstance(column.type, JSON) else text
