"""Who read the files of which version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first: nobody counted."""
    op.create_table(
        "download",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("person_id", _KEY, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("token", sa.String(40), nullable=False),
        sa.Column("node_id", _KEY, sa.ForeignKey("node.id"), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reads", _KEY, nullable=False),
        sa.UniqueConstraint("node_id", "day", "person_id", "token"),
    )


def downgrade() -> None:
    """Who downloaded what is lost."""
    op.drop_table("download")
