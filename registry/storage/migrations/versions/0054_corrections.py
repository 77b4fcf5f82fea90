"""Corrections of edges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "edge_correction",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False),
        sa.Column("step_node", _KEY, sa.ForeignKey("node.id"), nullable=False),
        sa.Column("edge_id", _KEY, sa.ForeignKey("edge.id"), nullable=False),
        sa.Column("input_node", _KEY, sa.ForeignKey("node.id"), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("consequences", sa.JSON(), nullable=False),
        sa.Column("weights", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False, server_default=""),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("comment", sa.Text(), nullable=False, server_default=""),
        sa.UniqueConstraint("public_id", name="uq_edge_correction_public_id"),
    )
    op.create_index("ix_edge_correction_step_node", "edge_correction", ["step_node"])


def downgrade() -> None:
    """The edges stay as they were corrected, and the audit log keeps by whom and why."""
    op.drop_table("edge_correction")
