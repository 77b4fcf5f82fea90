"""What the files of a version are, as its last check found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Versions that were checked before are looked at when a promotion is requested next."""
    op.add_column("version_check", sa.Column("scan", sa.JSON(), nullable=True))


def downgrade() -> None:
    """The next check looks again."""
    op.drop_column("version_check", "scan")
