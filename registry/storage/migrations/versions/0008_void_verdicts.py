"""Why the verdict on a transfer does not count, for those that a later version cannot trust."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column beside the manifest, which never changes. `forebear init --upgrade` fills it from stored answers."""
    with op.batch_alter_table("step") as batch:
        batch.add_column(sa.Column("verdict_void", sa.Text(), nullable=True))


def downgrade() -> None:
    """Every verdict counts again; the audit log keeps which ones were void."""
    with op.batch_alter_table("step") as batch:
        batch.drop_column("verdict_void")
