"""The token that each step was written with, so that what was published with it can be recalled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """It is not known of older steps."""
    op.add_column("step", sa.Column("token", sa.String(40), nullable=True))
    op.create_index("ix_step_token", "step", ["token"])


def downgrade() -> None:
    """It is forgotten."""
    op.drop_index("ix_step_token", "step")
    with op.batch_alter_table("step") as batch:
        batch.drop_column("token")
