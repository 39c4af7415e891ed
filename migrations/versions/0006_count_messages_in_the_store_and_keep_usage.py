"""Count messages in the store, let each side speak once in a run, and keep what turns have cost."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# As in 0004; grants come by its default privileges.
OWN = (
    "(current_setting('app.reach', true) = 'platform' OR organization_id = "
    "NULLIF(current_setting('app.organization_id', true), '')::uuid)"
)
COUNT = (
    "UPDATE conversations SET message_count = message_count + 1, updated_at = NEW.created_at "
    "WHERE id = NEW.conversation_id"
)
# It runs as whoever adds the message, so that the second wall holds for it too.
COUNT_ON_POSTGRESQL = f"""
CREATE FUNCTION count_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {COUNT};
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.create_index(
        "ix_messages_run", "messages", ["conversation_id", "run_id", "role"], unique=True
    )
    op.create_table(
        "usage_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("orchestrator_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("llm_calls", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_usage_entries_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_entries")),
    )
    op.create_index("ix_usage_entries_day", "usage_entries", ["organization_id", "day"])
    op.create_index(
        "ix_usage_entries_run", "usage_entries", ["run_id", "provider", "model"], unique=True
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE usage_entries ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE usage_entries FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY reach ON usage_entries USING {OWN} WITH CHECK {OWN}")
        op.execute(COUNT_ON_POSTGRESQL)
        op.execute(
            "CREATE TRIGGER messages_counted AFTER INSERT ON messages "
            "FOR EACH ROW EXECUTE FUNCTION count_message()"
        )
    else:
        op.execute(f"CREATE TRIGGER messages_counted AFTER INSERT ON messages BEGIN {COUNT}; END")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER messages_counted ON messages")
        op.execute("DROP FUNCTION count_message()")
    else:
        op.execute("DROP TRIGGER messages_counted")
    op.drop_table("usage_entries")
    op.drop_index("ix_messages_run", table_name="messages")
