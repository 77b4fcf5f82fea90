"""Teams, or one transfer step, that a token is limited to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tokens from before have no such limit."""
    op.add_column("token", sa.Column("teams", sa.String(), nullable=False, server_default=""))
    op.add_column("token", sa.Column("step", sa.String(40), nullable=False, server_default=""))


def downgrade() -> None:
    """Tokens with such a limit would have none, so they end."""
    limited = "(teams <> '' OR step <> '')"
    op.execute(f"UPDATE token SET revoked_at = CURRENT_TIMESTAMP WHERE {limited} AND revoked_at IS NULL")  # noqa: S608
    op.drop_column("token", "step")
    op.drop_column("token", "teams")
