"""Summaries of the features that models give for the data that they learnt from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There are none from before: each is made when a model is ranked."""
    op.create_table(
        "feature_summary",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("model", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary(32), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("model", "data", "split", name="uq_feature_summary_model_data_split"),
    )


def downgrade() -> None:
    """They are made again when models are ranked."""
    op.drop_table("feature_summary")
