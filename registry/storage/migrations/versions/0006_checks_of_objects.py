"""What checks of stored objects found: damaged versions, the progress of a check, when a version was checked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
DIGEST = sa.LargeBinary(32)


def upgrade() -> None:
    """Tables of their own: nothing is known to be damaged until it is checked."""
    op.create_table(
        "damage",
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("form", sa.String(16), primary_key=True),
        sa.Column("digest", DIGEST, primary_key=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("fault", sa.String(16), nullable=False),
        sa.Column("found_at", MOMENT, nullable=False),
    )
    op.create_index("ix_damage_digest", "damage", ["digest"])
    op.create_table(
        "store_check",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("position", DIGEST, nullable=True),
        sa.Column("objects", KEY, nullable=False),
        sa.Column("size", KEY, nullable=False),
        sa.Column("total", KEY, nullable=False),
        sa.Column("faults", KEY, nullable=False),
    )
    op.create_table(
        "version_check",
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("checked_at", MOMENT, nullable=False),
        sa.Column("files", KEY, nullable=False),
        sa.Column("size", KEY, nullable=False),
    )


def downgrade() -> None:
    """A damaged version can be used again, until its bytes are read."""
    op.drop_table("version_check")
    op.drop_table("store_check")
    op.drop_table("damage")
