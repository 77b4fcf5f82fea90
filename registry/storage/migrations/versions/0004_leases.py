"""Leases: which worker holds which transfer step, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """A table of its own: `step` is not rebuilt, and a step without a row was submitted before there were leases."""
    op.create_table(
        "lease",
        sa.Column("step_id", KEY, sa.ForeignKey("step.node_id"), primary_key=True, autoincrement=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("worker", sa.String(64), nullable=True),
        sa.Column("machine", sa.String(), nullable=True),
        sa.Column("until", MOMENT, nullable=False),
    )


def downgrade() -> None:
    """Who holds what is forgotten; a worker that still runs can no longer publish."""
    op.drop_table("lease")
