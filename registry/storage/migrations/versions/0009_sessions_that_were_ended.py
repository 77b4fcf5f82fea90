"""Sessions that were ended by signing out, so that their cookie is good for nothing afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A row stays until the session would have ended by itself."""
    op.create_table(
        "ended_session",
        sa.Column("name", sa.LargeBinary(32), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_ended_session_until", "ended_session", ["until"])


def downgrade() -> None:
    """Cookies of ended sessions are good again until they end by themselves."""
    op.drop_table("ended_session")
