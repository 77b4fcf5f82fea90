"""Selection reports: which model was recommended as a start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """There is none at first."""
    label = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.create_table(
        "selection",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("dataset", label, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
    )
    op.create_index("ix_selection_dataset_id", "selection", ["dataset", "id"])


def downgrade() -> None:
    """Reports are lost; the audit log keeps that they were made."""
    op.drop_table("selection")
