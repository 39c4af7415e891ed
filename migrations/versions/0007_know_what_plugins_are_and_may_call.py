"""Know what plugins are, which hosts they may call, and who follows their latest version."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# As in 0004; grants come by its default privileges.
OWN = (
    "(current_setting('app.reach', true) = 'platform' OR organization_id = "
    "NULLIF(current_setting('app.organization_id', true), '')::uuid)"
)
OF_PLUGINS = ("tools", "network", "state", "kind")


def upgrade() -> None:
    _extend()
    _add_approvals()
    _add_mcp_servers()
    if op.get_bind().dialect.name == "postgresql":
        for table in ("plugin_network_approvals", "mcp_servers"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY reach ON {table} USING {OWN} WITH CHECK {OWN}")


def _extend() -> None:
    # Rows of before were never described by a sandbox, which is what `unverified` says.
    for name, kind, value in (
        ("kind", sa.String(length=16), "package"),
        ("state", sa.String(length=16), "unverified"),
        ("network", sa.JSON(), "[]"),
        ("tools", sa.JSON(), "[]"),
    ):
        op.add_column("plugins", sa.Column(name, kind, nullable=False, server_default=value))
    op.add_column(
        "orchestrator_plugins",
        sa.Column("follows_latest", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("conversations", sa.Column("resource_id", sa.String(length=200), nullable=True))


def _add_approvals() -> None:
    op.create_table(
        "plugin_network_approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pid", sa.String(length=128), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_plugin_network_approvals_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"],
            ["users.id"],
            name=op.f("fk_plugin_network_approvals_approved_by_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plugin_network_approvals")),
    )
    op.create_index(
        "uq_plugin_network_approvals",
        "plugin_network_approvals",
        ["organization_id", "pid", "host"],
        unique=True,
    )


def _add_mcp_servers() -> None:
    op.create_table(
        "mcp_servers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("secret_id", sa.String(length=26), nullable=False),
        sa.Column("sealed_headers", sa.String(length=16384), nullable=True),
        sa.Column("header_names", sa.JSON(), nullable=False),
        sa.Column("allowed_tools", sa.JSON(), nullable=True),
        sa.Column("call_timeout", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_mcp_servers_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plugin_id"],
            ["plugins.id"],
            name=op.f("fk_mcp_servers_plugin_id_plugins"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mcp_servers")),
        sa.UniqueConstraint("plugin_id", name=op.f("uq_mcp_servers_plugin_id")),
    )


def downgrade() -> None:
    op.drop_table("mcp_servers")
    op.drop_table("plugin_network_approvals")
    op.drop_column("conversations", "resource_id")
    op.drop_column("orchestrator_plugins", "follows_latest")
    for name in OF_PLUGINS:
        op.drop_column("plugins", name)
