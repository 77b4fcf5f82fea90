"""Datasets have a status too, as model versions always had; until here each was active."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; every version that is there is active."""
    op.add_column("dataset_version", sa.Column("status", sa.String(16), nullable=False, server_default="active"))
    op.add_column("dataset_version", sa.Column("status_reason", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the columns: the audit log keeps which datasets were stopped."""
    with op.batch_alter_table("dataset_version") as batch:
        batch.drop_column("status_reason")
        batch.drop_column("status")
