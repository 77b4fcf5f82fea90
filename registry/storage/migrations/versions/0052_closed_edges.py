"""Edges that were closed are found by what closed them: the compiled graph asks which were since it was made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Few edges are closed: the index holds those alone."""
    closed = sa.text("superseded_by IS NOT NULL")
    op.create_index("ix_edge_superseded_by", "edge", ["superseded_by"], sqlite_where=closed, postgresql_where=closed)


def downgrade() -> None:
    """Nothing is lost."""
    op.drop_index("ix_edge_superseded_by", "edge")
