"""Tokens by which somebody who decides makes a token of their own, given out by two people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No token from before is one of these."""
    op.add_column("token", sa.Column("enrolment", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("token", sa.Column("confirmed_by", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    """They would be tokens without a limit, so they end."""
    op.execute("UPDATE token SET revoked_at = CURRENT_TIMESTAMP WHERE enrolment AND revoked_at IS NULL")
    op.drop_column("token", "confirmed_by")
    op.drop_column("token", "enrolment")
