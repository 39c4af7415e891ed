"""Add the outbox: events that are committed and not yet confirmed by the broker."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# As in 0004; grants come by its default privileges.
OWN = (
    "(current_setting('app.reach', true) = 'platform' OR organization_id = "
    "NULLIF(current_setting('app.organization_id', true), '')::uuid)"
)


def upgrade() -> None:
    op.create_table(
        "outbox_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE outbox_events ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE outbox_events FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY reach ON outbox_events USING {OWN} WITH CHECK {OWN}")


def downgrade() -> None:
    op.drop_table("outbox_events")
