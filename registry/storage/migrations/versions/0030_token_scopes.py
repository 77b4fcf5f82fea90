"""The most that a token allows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tokens from before have no limit, as until now."""
    op.add_column("token", sa.Column("scope", sa.String(16), nullable=False, server_default="admin"))


def downgrade() -> None:
    """Tokens with a limit would have none, so they end."""
    op.execute("UPDATE token SET revoked_at = CURRENT_TIMESTAMP WHERE scope <> 'admin' AND revoked_at IS NULL")
    op.drop_column("token", "scope")
