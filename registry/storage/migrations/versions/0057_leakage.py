"""Counts of test rows that were seen in training."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nobody has asked for one."""
    op.create_table(
        "leakage_count",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("basis", sa.LargeBinary(32), nullable=False),
        sa.Column("test_rows", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("near", sa.Integer(), nullable=True),
        sa.Column("counted_by", sa.String(64), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_leakage_count_node_id", "leakage_count", ["node_id"])


def downgrade() -> None:
    """The audit log keeps what was counted."""
    op.drop_index("ix_leakage_count_node_id", "leakage_count")
    op.drop_table("leakage_count")
