"""Marks that people set on versions, such as personal data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "node_mark",
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("mark", sa.String(255), primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(64), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """The audit log keeps what was set."""
    op.drop_table("node_mark")
