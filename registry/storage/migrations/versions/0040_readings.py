"""Which bytes were given out to a program that records its own transfer step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nothing was read so far."""
    op.create_table(
        "reading_part",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("reading", sa.LargeBinary(32), nullable=False),
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("start", _KEY, nullable=False),
        sa.Column("stop", _KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_reading_part_reading", "reading_part", ["reading"])
    op.create_index("ix_reading_part_at", "reading_part", ["at"])


def downgrade() -> None:
    """Steps that are recorded later have declared inputs."""
    op.drop_table("reading_part")
