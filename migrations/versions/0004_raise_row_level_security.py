"""Raise row-level security: PostgreSQL itself keeps organizations apart.

Transactions of the service run as `cadence_app`, a role that owns nothing and cannot log in, and
say which organization's rows they reach (`cadence.infra.database.walls`). Under FORCE, the owner of
the tables is held to it as well; a later migration that touches tenants' rows begins with
`SELECT set_config('app.reach', 'platform', true)`.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OWNED = (
    "memberships",
    "llm_configs",
    "orchestrators",
    "orchestrator_plugins",
    "conversations",
    "messages",
    "conversation_summaries",
    "api_keys",
    "audit_entries",
)
SHARED = ("plugins", "settings")
PLATFORM = "current_setting('app.reach', true) = 'platform'"
# After a transaction that set it, a pooled connection has '' there and not NULL.
OWN = (
    f"({PLATFORM} OR organization_id = "
    "NULLIF(current_setting('app.organization_id', true), '')::uuid)"
)
VISIBLE = f"(organization_id IS NULL OR {OWN})"

# Roles belong to the whole server: another database of it may have made this one already.
MAKE_ROLE = """
DO $$
DECLARE
    may_become boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cadence_app') THEN
        CREATE ROLE cadence_app NOLOGIN;
    END IF;
    -- Since PostgreSQL 16 whoever makes a role is a member of it that may not become it.
    IF current_setting('server_version_num')::int >= 160000 THEN
        may_become := pg_has_role(current_user, 'cadence_app', 'SET');
    ELSE
        may_become := pg_has_role(current_user, 'cadence_app', 'MEMBER');
    END IF;
    IF NOT may_become THEN
        GRANT cadence_app TO CURRENT_USER;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'The role cadence_app is missing, and % may not make it', current_user
            USING HINT = format(
                'An administrator runs: CREATE ROLE cadence_app NOLOGIN; GRANT cadence_app TO %I;',
                current_user
            );
END
$$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # SQLite has no such thing: a criterion is added to every statement instead
    op.execute(MAKE_ROLE)
    op.execute("GRANT USAGE ON SCHEMA public TO cadence_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO cadence_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cadence_app")
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO cadence_app"
    )
    op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO cadence_app")
    op.execute("REVOKE ALL ON alembic_version FROM cadence_app")
    op.execute("REVOKE UPDATE, DELETE ON audit_entries FROM cadence_app")
    for table in (*OWNED, *SHARED):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in OWNED:
        op.execute(f"CREATE POLICY reach ON {table} USING {OWN} WITH CHECK {OWN}")
    for table in SHARED:
        op.execute(f"CREATE POLICY reach_read ON {table} FOR SELECT USING {VISIBLE}")
        op.execute(f"CREATE POLICY reach_add ON {table} FOR INSERT WITH CHECK {OWN}")
        op.execute(f"CREATE POLICY reach_change ON {table} FOR UPDATE USING {OWN} WITH CHECK {OWN}")
        op.execute(f"CREATE POLICY reach_remove ON {table} FOR DELETE USING {OWN}")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in OWNED:
        op.execute(f"DROP POLICY reach ON {table}")
    for table in SHARED:
        for policy in ("reach_read", "reach_add", "reach_change", "reach_remove"):
            op.execute(f"DROP POLICY {policy} ON {table}")
    for table in (*OWNED, *SHARED):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE ON SEQUENCES FROM cadence_app"
    )
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public "
        "REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM cadence_app"
    )
    op.execute("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM cadence_app")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM cadence_app")
    # The role itself stays: other databases of the same server may use it.
    op.execute("REVOKE USAGE ON SCHEMA public FROM cadence_app")
