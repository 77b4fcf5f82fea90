"""A person can be erased from entries of the audit log: their bodies change, their hashes do not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_KEPT = {
    "audit_entry": ("seq", "previous", "leaf", "entry", "action"),
    "audit_index": ("seq", "at"),
}
"""What of a row stays as it is."""


def upgrade() -> None:
    """Nobody is erased at first."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_erasure",
        sa.Column("seq", key, primary_key=True, autoincrement=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_all_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF TG_OP = 'UPDATE' AND EXISTS (SELECT 1 FROM audit_erasure WHERE seq = OLD.seq) "
            "AND to_jsonb(NEW) - '{body,subject,actor}'::text[] = to_jsonb(OLD) - '{body,subject,actor}'::text[] "
            "THEN RETURN NEW; END IF; "
            "RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
        )
        for table in _KEPT:
            _replace_rows_trigger(table, "refuse_all_but_erasure")
        return
    for table, columns in _KEPT.items():
        same = " AND ".join(f"NEW.{one} IS OLD.{one}" for one in columns)
        erased = "EXISTS (SELECT 1 FROM audit_erasure WHERE seq = OLD.seq)"
        _replace_update_trigger(table, f"WHEN NOT ({same} AND {erased}) ")


def downgrade() -> None:
    """Erased entries stay erased; an earlier version does not verify them."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _KEPT:
            _replace_rows_trigger(table, "refuse_change")
        op.execute("DROP FUNCTION refuse_all_but_erasure()")
    else:
        for table in _KEPT:
            _replace_update_trigger(table, "")
    op.drop_table("audit_erasure")


def _replace_rows_trigger(table: str, function: str) -> None:
    op.execute(f"DROP TRIGGER IF EXISTS {table}_rows ON {table}")
    op.execute(
        f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
    )


def _replace_update_trigger(table: str, condition: str) -> None:
    op.execute(f"DROP TRIGGER IF EXISTS {table}_update")
    op.execute(
        f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} {condition}"
        f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
    )
