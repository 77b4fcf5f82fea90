"""Files are found by their digests, and versions in an approved stage without a walk through all others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

_FILES, _APPROVED = "ix_file_sha256", "ix_model_version_approved"


def upgrade() -> None:
    """An advisory names files of any version; the inventory is of approved stages alone."""
    op.create_index(_FILES, "file", ["sha256"])
    approved = sa.text("stage NOT IN ('registered', 'retired')")
    op.create_index(_APPROVED, "model_version", ["node_id"], sqlite_where=approved, postgresql_where=approved)


def downgrade() -> None:
    """Without them."""
    op.drop_index(_APPROVED, "model_version")
    op.drop_index(_FILES, "file")
