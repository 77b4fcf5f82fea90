"""Which repository of the Hub a version was imported from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first: earlier imports did not say."""
    op.create_table(
        "upstream",
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("repository", sa.String(200), nullable=False),
        sa.Column("source", sa.String(256), nullable=False),
    )
    op.create_index("ix_upstream_repository_node_id", "upstream", ["repository", "node_id"])


def downgrade() -> None:
    """Which repositories versions came from is lost."""
    op.drop_table("upstream")
