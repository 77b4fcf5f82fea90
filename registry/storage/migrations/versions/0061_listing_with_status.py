"""The versions of a model are looked through by an index that says their status too."""

from __future__ import annotations

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

_NUMBER, _STATUS = "ix_listing_asset_id_number", "ix_listing_asset_id_number_status"


def upgrade() -> None:
    """A search for words asks it of every version of the models that have them."""
    op.create_index(_STATUS, "listing", ["asset_id", "number", "status"])
    op.drop_index(_NUMBER, "listing")


def downgrade() -> None:
    """Without the status."""
    op.create_index(_NUMBER, "listing", ["asset_id", "number"])
    op.drop_index(_STATUS, "listing")
