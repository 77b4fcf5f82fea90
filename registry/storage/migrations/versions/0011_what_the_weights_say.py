"""What the weights of a step's output say about the models that went into it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nothing is known of versions that were made before, until `forebear lineage verify` compares them."""
    op.create_table(
        "weight_comparison",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("step_node", KEY, sa.ForeignKey("node.id"), nullable=False),
        sa.Column("input_node", KEY, sa.ForeignKey("node.id"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
    )
    op.create_index("ix_weight_comparison_step_node", "weight_comparison", ["step_node"])


def downgrade() -> None:
    """The assurance of the edges stays as it is."""
    op.drop_table("weight_comparison")
