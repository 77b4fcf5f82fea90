"""SQLite refuses to put a row of the audit log in the place of another: REPLACE fires no trigger of DELETE there.

PostgreSQL needs nothing: its ON CONFLICT DO UPDATE fires the trigger of UPDATE.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("audit_entry", "audit_index")


def upgrade() -> None:
    """A new row has the next number, whatever program it comes from."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} "  # noqa: S608 - our own names
            f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are only appended') "
            f"WHERE NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM {table}); END"
        )


def downgrade() -> None:
    """As before."""
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            op.execute(f"DROP TRIGGER {table}_insert")
