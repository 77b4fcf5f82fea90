"""When a version was changed last, and which cards the registry wrote itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

_MADE = "UPDATE model_version SET updated_at = (SELECT created_at FROM node WHERE node.id = model_version.node_id)"
_REVISED = (
    "UPDATE model_version SET updated_at = "
    "(SELECT max(written_at) FROM card_revision WHERE card_revision.node_id = model_version.node_id) "
    "WHERE node_id IN (SELECT node_id FROM card_revision WHERE number > 1)"
)


def upgrade() -> None:
    """Of versions from before, the newest card is the last change that is known; who wrote their first is not."""
    op.add_column("model_version", sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_MADE)
    op.execute(_REVISED)
    with op.batch_alter_table("model_version") as batch:
        batch.alter_column("updated_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.create_index("ix_model_version_updated_at_node_id", "model_version", ["updated_at", "node_id"])
    op.add_column("card_revision", sa.Column("generated", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """The audit log keeps every change with its time."""
    with op.batch_alter_table("card_revision") as batch:
        batch.drop_column("generated")
    op.drop_index("ix_model_version_updated_at_node_id", "model_version")
    with op.batch_alter_table("model_version") as batch:
        batch.drop_column("updated_at")
