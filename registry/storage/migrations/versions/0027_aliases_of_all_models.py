"""Which versions an alias named at a moment, over all models: an index over its moves."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """It is made from the moves that there are."""
    op.create_index("ix_alias_move_alias_asset_id_id", "alias_move", ["alias", "asset_id", "id"])


def downgrade() -> None:
    """The moves stay."""
    op.drop_index("ix_alias_move_alias_asset_id_id", "alias_move")
