"""Values of tags that are longer than an index takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

_TABLES = ("asset_tag", "version_tag")


def upgrade() -> None:
    """No value was longer before."""
    for table in _TABLES:
        op.add_column(table, sa.Column("rest", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Longer values end where the older revision ends them; the audit log keeps what was set."""
    for table in _TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("rest")
