"""Approvals with conditions: which findings a vote depends on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Votes that were given have none."""
    op.add_column("vote", sa.Column("conditions", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Which findings votes depended on is lost; the findings stay."""
    with op.batch_alter_table("vote") as batch:
        batch.drop_column("conditions")
