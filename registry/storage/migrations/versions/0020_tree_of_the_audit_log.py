"""The Merkle tree over the audit log: its inner nodes, so that a checkpoint or a proof reads few rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Empty: the first checkpoint fills it from the entries that there are."""
    op.create_table(
        "audit_node",
        sa.Column("level", KEY, nullable=False, autoincrement=False),
        sa.Column("place", KEY, nullable=False, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("level", "place", name="pk_audit_node"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER audit_node_rows BEFORE UPDATE OR DELETE ON audit_node "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            "CREATE TRIGGER audit_node_all BEFORE TRUNCATE ON audit_node "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_node_{change.lower()} BEFORE {change} ON audit_node "
            "BEGIN SELECT RAISE(ABORT, 'rows of audit_node are never changed'); END"
        )


def downgrade() -> None:
    """The tree can be made again from the entries."""
    op.drop_table("audit_node")
