"""Keys of the rows of data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """The rows of data that are here are read when they are asked for: first those with marks."""
    op.create_table(
        "data_rows",
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("due", sa.Integer(), nullable=False),
        sa.Column("different", _KEY, nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("marked", _KEY, nullable=False, server_default="0"),
    )
    op.create_index("ix_data_rows_marked", "data_rows", ["marked"])
    condition = sa.text("due > 0")
    op.create_index(
        "ix_data_rows_due", "data_rows", ["due", "node_id"], sqlite_where=condition, postgresql_where=condition
    )
    op.create_table(
        "data_row",
        sa.Column("whole", sa.Boolean(), primary_key=True),
        sa.Column("row_key", _KEY, primary_key=True, autoincrement=False),
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO data_rows (node_id, due) SELECT node_id, CASE WHEN EXISTS "
        "(SELECT 1 FROM node_mark WHERE node_mark.node_id = dataset_version.node_id) THEN 2 ELSE 1 END "
        "FROM dataset_version"
    )


def downgrade() -> None:
    """They can be read again."""
    op.drop_table("data_row")
    op.drop_index("ix_data_rows_due", "data_rows")
    op.drop_index("ix_data_rows_marked", "data_rows")
    op.drop_table("data_rows")
