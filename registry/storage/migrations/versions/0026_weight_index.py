"""An index of weights: the largest tensors of each version of a model, and the shapes of its layers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Versions that are there are read when somebody first asks."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "weight_index",
        sa.Column("node_id", key, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("layers", sa.LargeBinary(32), nullable=True),
    )
    op.create_index("ix_weight_index_layers", "weight_index", ["layers"])
    op.create_table(
        "tensor",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("node_id", key, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("size", key, nullable=False),
    )


def downgrade() -> None:
    """It is made anew from the weights."""
    op.drop_table("tensor")
    op.drop_table("weight_index")
