"""Keys that people sign approvals with, and the signatures of votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has a key at first, and no vote is signed."""
    op.add_column("person", sa.Column("key", sa.String(64), nullable=False, server_default=""))
    op.add_column("vote", sa.Column("signature", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Signatures are lost; the audit log keeps the digests of the votes that had them."""
    op.drop_column("vote", "signature")
    op.drop_column("person", "key")
