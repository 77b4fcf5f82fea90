"""What people declare of the compute that the training of a version took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "training_compute",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("flop", sa.Double(), nullable=True),
        sa.Column("gpai", sa.Boolean(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("declared_by", sa.String(64), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_training_compute_node_id", "training_compute", ["node_id"])


def downgrade() -> None:
    """The audit log keeps what was declared."""
    op.drop_index("ix_training_compute_node_id", "training_compute")
    op.drop_table("training_compute")
