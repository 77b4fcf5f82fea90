"""What the labels of a dataset version hold. Until here they were classes, one to a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every version that is there holds classes."""
    op.add_column("dataset_version", sa.Column("labels", sa.String(16), nullable=False, server_default="class"))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("dataset_version") as batch:
        batch.drop_column("labels")
