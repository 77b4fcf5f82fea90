"""Who made each audit entry and when, beside the chain, so that entries are found by person and by day."""

from __future__ import annotations

import json
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
PIECE = 10_000
"""Entries that are read and written at once."""


def upgrade() -> None:
    """A table of its own, since rows of the chain never change. It is filled from the bodies, which are evidence."""
    made = op.create_table(
        "audit_index",
        sa.Column("seq", KEY, primary_key=True, autoincrement=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
    op.create_index("ix_audit_index_actor_seq", "audit_index", ["actor", "seq"])
    op.create_index("ix_audit_index_at", "audit_index", ["at"])
    entry = sa.table("audit_entry", sa.column("seq", KEY), sa.column("body", sa.LargeBinary()))
    connection, after = op.get_bind(), 0
    while rows := connection.execute(
        sa.select(entry.c.seq, entry.c.body).where(entry.c.seq > after).order_by(entry.c.seq).limit(PIECE)
    ).all():
        bodies = [(row.seq, json.loads(bytes(row.body))) for row in rows]
        op.bulk_insert(
            made,
            [{"seq": seq, "actor": body["actor"], "at": datetime.fromisoformat(body["at"])} for seq, body in bodies],
        )
        after = rows[-1].seq
    _refuse_changes()


def _refuse_changes() -> None:
    """As for the chain itself: without its row here an entry would no longer be found by person or day."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER audit_index_rows BEFORE UPDATE OR DELETE ON audit_index "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            "CREATE TRIGGER audit_index_all BEFORE TRUNCATE ON audit_index "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_index_{change.lower()} BEFORE {change} ON audit_index "
            "BEGIN SELECT RAISE(ABORT, 'rows of audit_index are never changed'); END"
        )


def downgrade() -> None:
    """The chain itself keeps who and when."""
    op.drop_table("audit_index")
