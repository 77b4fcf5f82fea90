"""The rows that facets count, packed in blocks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

# A type as it was in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Every model counts as changed: what packs them does the rest."""
    op.create_table(
        "facet_block",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_facet_block"),
    )
    op.create_table(
        "facet_value",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("field", sa.String(16), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_facet_value"),
        sa.UniqueConstraint("field", "value", name="uq_facet_value_field_value"),
    )
    op.create_table(
        "facet_change",
        sa.Column("asset_id", KEY, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("asset_id", name="pk_facet_change"),
    )
    op.execute("INSERT INTO facet_change (asset_id) SELECT DISTINCT asset_id FROM listing")
    if op.get_bind().dialect.name == "postgresql":
        # Read whole, again and again: unpacking what PostgreSQL compressed would cost more than reading it.
        op.execute("ALTER TABLE facet_block ALTER COLUMN packed SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Nothing is lost: facets are counted from the rows themselves."""
    for table in ("facet_change", "facet_value", "facet_block"):
        op.drop_table(table)
