"""Where the chunks lie that people have sent by the Xet protocol."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """None at first."""
    op.create_table(
        "xet_place",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("xorb", sa.String(64), nullable=False),
        sa.Column("first", _KEY, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("offset", _KEY, nullable=False),
        sa.Column("sizes", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_xet_place_digest", "xet_place", ["digest"])
    op.create_index("ix_xet_place_handle_xorb", "xet_place", ["handle", "xorb"])
    op.create_table(
        "xet_epoch",
        sa.Column("handle", sa.String(), primary_key=True),
        sa.Column("epoch", _KEY, nullable=False),
    )


def downgrade() -> None:
    """Clients that refer to chunks that they sent before are refused; they send everything when asked again."""
    op.drop_table("xet_epoch")
    op.drop_table("xet_place")
