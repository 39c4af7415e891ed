"""Runs the migrations on the connection that `cadence.infra.database.migrating` hands over."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

import cadence.infra.database.tables  # noqa: F401  # registers every table
from cadence.infra.database.base import Base, UtcDateTime


def render_item(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Write our time type as plain SQL, so that old migrations survive its renaming."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    render_as_batch=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
